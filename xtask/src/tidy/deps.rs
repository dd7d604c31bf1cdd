//! What the programs are linked with: licences and sources, by the lists of deny.toml.
//!
//! The same is asked by `cargo deny check licenses sources`; here it is held also where that tool is not installed.
//! Deliberately absent: advisories, whose database is not part of the repository.

use anyhow::{Context, Result};
use serde_json::Value;

use super::finding::Finding;
use super::tree::File;
use crate::run;

/// A crate from outside: its name, version, licence expression and source.
pub struct Package {
    /// Name and version.
    pub name: String,
    /// The SPDX expression of its manifest.
    pub licence: String,
    /// Where cargo has it from; none for the workspace's own.
    pub source: Option<String>,
}

/// A dependency from an unknown source, or whose licence is not among those allowed, fails.
pub fn check(packages: &[Package], allowed: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in packages {
        if !satisfied(&package.licence, allowed) {
            let text =
                format!("{} has the licence {:?}, which deny.toml does not allow", package.name, package.licence);
            found.push(Finding::error("deny.toml", 0, text));
        }
        let source = package.source.as_deref().unwrap_or("registry+");
        if !source.starts_with("registry+") {
            found.push(Finding::error(
                "Cargo.toml",
                0,
                format!("{} comes from {source}: take a release from the registry", package.name),
            ));
        }
    }
    found
}

/// True if the expression can be met by allowed licences alone. `OR` binds weaker than `AND`; `/` is an old `OR`.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allowed);
    met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allowed);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = either(words, at, allowed);
        *at += 1;
        return met;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&licence)
}

/// The licences that deny.toml allows.
pub fn allowed(files: &[File]) -> Result<Vec<String>> {
    let file = files.iter().find(|file| file.path == "deny.toml").context("there is no deny.toml")?;
    let (_, rest) = file.text.split_once("\nallow = [").context("deny.toml has no `allow = [`")?;
    let (list, _) = rest.split_once(']').context("the list `allow` in deny.toml has no end")?;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Every crate that the lock file names, for the platforms that are built.
pub fn packages() -> Result<Vec<Package>> {
    let arguments = ["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let metadata: Value =
        serde_json::from_str(&run::output("cargo", &arguments)?).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(packages
        .iter()
        .map(|package| Package {
            name: format!("{} {}", word(&package["name"]), word(&package["version"])),
            licence: word(&package["license"]),
            source: package["source"].as_str().map(str::to_owned),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{File, Package, allowed, check};

    fn found(licence: &str, source: Option<&str>) -> usize {
        let list = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        check(&[Package { name: "a 1".into(), licence: licence.into(), source: source.map(str::to_owned) }], &list)
            .len()
    }

    #[test]
    fn a_licence_that_is_not_allowed_fails() {
        for licence in ["GPL-3.0", "", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0"] {
            assert_eq!(found(licence, None), 1, "{licence}");
        }
        for licence in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert_eq!(found(licence, None), 0, "{licence}");
        }
    }

    #[test]
    fn a_source_that_is_no_registry_fails() {
        assert_eq!(found("MIT", Some("git+https://example.org/a")), 1);
        assert_eq!(found("MIT", Some("registry+https://example.org/index")), 0);
    }

    #[test]
    fn the_list_is_read_from_deny_toml() {
        assert_eq!(
            allowed(&[File::of("deny.toml", "[licenses]\nallow = [\n \"MIT\",\n \"Zlib\",\n]\n")]).unwrap(),
            ["MIT", "Zlib"]
        );
    }
}
