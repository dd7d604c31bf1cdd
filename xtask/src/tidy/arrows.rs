//! Arrows between the crates point down only, so that a layer can be read without those above it.

use anyhow::{Context, Result};
use serde_json::Value;

use super::finding::Finding;
use crate::run;

/// Each crate and the crates of the house that it may see. ARCHITECTURE.md draws the same picture.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("wire", &["model"]),
    ("engine", &["model", "config"]),
    ("sys", &["model", "config"]),
    ("sim", &["model", "config", "engine"]),
    ("daemon", &["model", "config", "wire", "engine", "sys"]),
    ("ctl", &["model", "config", "wire", "sys"]),
    ("listeners", &["model", "config", "wire", "sys"]),
    ("supervisor", &["daemon", "ctl", "listeners"]),
    ("fuzz", &["model", "config", "wire", "engine", "sys", "daemon"]),
    ("xtask", &["model", "config", "engine", "ctl"]),
];

/// A crate of the workspace: its name, its manifest, and what it depends on outside its tests.
pub struct Manifest {
    /// The crate's name.
    pub name: String,
    /// Its Cargo.toml, from the top of the repository.
    pub path: String,
    /// The names of its dependencies.
    pub sees: Vec<String>,
}

/// An arrow that is not in the picture fails, and so does a crate that is not.
pub fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut found = Vec::new();
    for manifest in manifests {
        let Some((name, may_see)) = MAY_SEE.iter().find(|(name, _)| *name == manifest.name) else {
            let text = format!(
                "the crate {} has no layer: give it a row in xtask/src/tidy/arrows.rs and ARCHITECTURE.md",
                manifest.name
            );
            found.push(Finding::error(&manifest.path, 0, text));
            continue;
        };
        let ours = manifest.sees.iter().filter(|seen| MAY_SEE.iter().any(|(name, _)| name == seen));
        for seen in ours.filter(|seen| !may_see.contains(&seen.as_str())) {
            let text =
                format!("{name} sees {seen}: arrows point down only; move what it needs below, or turn the call round");
            found.push(Finding::error(&manifest.path, 0, text));
        }
    }
    found
}

/// The crates of the workspace, as cargo knows them.
pub fn manifests() -> Result<Vec<Manifest>> {
    let metadata = run::output("cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let top = format!("{}/", run::top().display());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Ok(list(&metadata["packages"])
        .iter()
        .map(|package| Manifest {
            name: word(&package["name"]),
            path: word(&package["manifest_path"]).replace(&top, ""),
            sees: list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| word(&dependency["name"]))
                .collect(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{MAY_SEE, Manifest, check};

    fn found(name: &str, sees: &str) -> usize {
        check(&[Manifest { name: name.into(), path: "Cargo.toml".into(), sees: vec![sees.into()] }]).len()
    }

    #[test]
    fn an_arrow_that_points_up_fails() {
        assert_eq!(found("engine", "wire"), 1);
        assert_eq!(found("ctl", "engine"), 1);
        assert_eq!(found("model", "config"), 1);
        assert_eq!(found("engine", "model") + found("engine", "serde"), 0);
    }

    #[test]
    fn a_crate_without_a_layer_fails() {
        assert_eq!(found("helpers", "model"), 1);
    }

    #[test]
    fn the_picture_itself_has_no_circle() {
        for (index, (_, may_see)) in MAY_SEE.iter().enumerate() {
            assert!(may_see.iter().all(|seen| MAY_SEE[..index].iter().any(|(name, _)| name == seen)));
        }
    }
}
