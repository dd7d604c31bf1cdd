//! `cargo xtask tidy`: the house rules, each a check in its own file with tests that show it can fail.
//!
//! To add a rule: a file here with `pub fn check(…) -> Vec<Finding>`, and a line in `every_check`.
//! Deliberately absent: what rustfmt, clippy and cargo-deny already hold.

mod arrows;
mod finding;
mod generated;
mod heads;
mod links;
mod names;
mod places;
mod purity;
mod size;
mod source;
mod subjects;
mod tree;
mod unsafety;
mod words;

use anyhow::{Result, bail};

use crate::{docs, run};
use finding::{Finding, Weight};
use source::Source;

/// Runs every check on the repository and prints what it finds, errors last.
pub fn main(arguments: &[String]) -> Result<()> {
    let quiet = arguments.iter().any(|word| word == "--quiet");
    let mut found = every_check()?;
    found.sort_by(|a, b| (a.weight, &a.file, a.line).cmp(&(b.weight, &b.file, b.line)));
    let errors = found.iter().filter(|one| one.weight == Weight::Error).count();
    for one in found.iter().filter(|one| !quiet || one.weight == Weight::Error) {
        println!("{one}");
    }
    println!("tidy: {errors} errors, {} warnings", found.len() - errors);
    if errors > 0 {
        bail!("the house rules are broken; CONTRIBUTING.md says why each is there");
    }
    Ok(())
}

fn every_check() -> Result<Vec<Finding>> {
    let files = tree::tracked()?;
    let mut found = Vec::new();
    let sources = Source::parse_all(&files, &mut found);
    for source in &sources {
        found.extend(size::check(source));
        found.extend(heads::check(source));
        found.extend(unsafety::check(source));
        found.extend(words::check(source));
        found.extend(purity::check(source));
        found.extend(names::check(source));
    }
    found.extend(heads::check_share(&sources));
    for file in &files {
        found.extend(places::check(file));
        found.extend(links::check(file, |path| run::top().join(path).exists()));
    }
    found.extend(arrows::check(&arrows::manifests()?));
    found.extend(generated::check(&docs::stale()));
    found.extend(subjects::check(&subjects::unpushed()));
    Ok(found)
}
