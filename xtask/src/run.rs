//! Running other programs from a tool: where the repository is, and what went wrong when one fails.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The top of the repository (cargo runs this tool from anywhere in it).
pub fn top() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// What a program prints on its standard output; an error with its standard error if it fails.
pub fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let said = Command::new(program)
        .args(arguments)
        .current_dir(top())
        .output()
        .with_context(|| format!("cannot run {program}: is it installed?"))?;
    if !said.status.success() {
        bail!(
            "{program} {} ended with {}: {}",
            arguments.join(" "),
            said.status,
            String::from_utf8_lossy(&said.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// The value after `name` among the arguments.
pub fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|word| word == name)?;
    arguments.get(at + 1).cloned()
}

/// Where cargo puts what it builds.
pub fn target() -> Result<PathBuf> {
    let metadata = output("cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    Ok(PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target")))
}
