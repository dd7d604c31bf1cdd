//! What comes in with the dependencies, by deny.toml: cargo-deny asks, and is built here where it is missing.

use anyhow::Result;

use super::step::shown;
use crate::run;

/// What is built. The debug profile, since it builds in a fifth of the time and runs for a second.
const VERSION: &str = "cargo-deny@0.20.2";

/// What is shipped, and the fuzzer, which is a workspace of its own.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/runner/Cargo.toml"];

/// Checks bans, licences and sources. Advisories are not checked: their database is nothing that CI can reach.
pub fn check(_: &str) -> Result<()> {
    let root = run::target()?.join("tools");
    let program = root.join("bin/cargo-deny");
    if !program.exists() {
        let (root, build) = (root.display().to_string(), root.join("build").display().to_string());
        let words = ["install", "--quiet", "--debug", "--locked", "--target-dir", &build, "--root", &root, VERSION];
        shown("cargo", &words.map(str::to_owned))?;
        std::fs::remove_dir_all(&build)?;
    }
    println!("advisories are not checked: `cargo deny check advisories` does it where their database can be reached");
    for manifest in MANIFESTS {
        let words = ["--manifest-path", manifest, "--config", "deny.toml", "check", "bans", "licenses", "sources"];
        shown(&program.display().to_string(), &words.map(str::to_owned))?;
    }
    Ok(())
}
