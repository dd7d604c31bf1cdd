//! `cargo xtask ci`: everything that must hold before a change is taken, step by step, with what each took.
//!
//! All steps run even when one fails, so that one run tells all there is to mend. The closing lines of the test runner are
//! printed again at the very end, where people and tools look for them.

mod conformance;
mod deny;
mod setup;
mod step;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::{fuzz, run};
pub use step::shown;

use step::Step;

/// Runs the steps; `--quick` those that need no release build, `--only NAME` one.
pub fn main(arguments: &[String]) -> Result<()> {
    let only = run::option(arguments, "--only");
    let quick = arguments.iter().any(|word| word == "--quick");
    let programs = run::target()?.join("release");
    let mut outcomes = Vec::new();
    for step in steps(&programs) {
        let wanted = only.as_ref().map_or(!quick || step.quick, |name| *name == step.name);
        if wanted {
            println!("\n=== {}: {}", step.name, step.why);
            let began = Instant::now();
            let outcome = step.run();
            outcomes.push((step.name, began.elapsed().as_secs(), outcome));
        }
    }
    ensure!(!outcomes.is_empty(), "there is no step of that name");
    report(&outcomes)
}

/// Every step, cheapest first: what fails often fails early.
fn steps(programs: &Path) -> Vec<Step> {
    let mut steps = steps_on_the_source();
    steps.extend(steps_on_the_programs(programs));
    steps
}

fn steps_on_the_source() -> Vec<Step> {
    let cargo = |name, why, words: &[&str]| Step::of(name, why, "cargo", words).quick();
    vec![
        Step::call("setup", "what the other steps need is installed", setup::complete, "").quick(),
        cargo("fmt", "the code is laid out by rustfmt", &["fmt", "--all", "--check"]),
        cargo("tidy", "the house rules hold", &["xtask", "tidy"]),
        Step::call("deny", "licences, bans and sources of dependencies", deny::check, "").quick(),
        cargo("clippy", "no lint is broken", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        cargo("test", "the tests of every crate", &["test", "--workspace", "--no-fail-fast"]),
        Step::call("fuzz", "no bytes from outside do harm, as far as a short search goes", fuzz::ci, ""),
    ]
}

fn steps_on_the_programs(programs: &Path) -> Vec<Step> {
    let at = |path: &str| run::top().join(path).display().to_string();
    let folder = programs.display().to_string();
    let daemon = programs.join("supervisord").display().to_string();
    let corpus = ["--supervisord", &daemon, "--compare", &at("tests/corpus/expected.json")];
    let mut steps = vec![
        Step::of("build", "the programs as they are shipped", "cargo", &["build", "--release"]),
        Step::call("conformance", "the reference's transcripts", conformance::agrees, &folder),
        Step::of("corpus", "configurations of real users", &at("tests/corpus/parse"), &corpus),
    ];
    for script in scripts() {
        let words = ["--programs", &folder, "--install"];
        steps.push(Step::of(&script, "real programs from the registries", &at(&script), &words));
    }
    steps
}

/// The scripts that install real services and third-party programs and use them with ours.
fn scripts() -> Vec<String> {
    let mut found = vec!["tests/real_services/run.py".to_owned()];
    let folder = PathBuf::from("tests/third_party");
    let listed = std::fs::read_dir(run::top().join(&folder)).into_iter().flatten().flatten();
    let names = listed.filter_map(|entry| entry.file_name().into_string().ok());
    let mut runs: Vec<String> = names.filter(|name| name.starts_with("run")).collect();
    runs.sort();
    found.extend(runs.into_iter().map(|name| folder.join(name).display().to_string()));
    found.retain(|script| run::top().join(script).exists());
    found
}

fn report(outcomes: &[(String, u64, Result<Vec<String>>)]) -> Result<()> {
    println!("\n=== what each step took");
    for (name, seconds, outcome) in outcomes {
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        println!("{word}  {seconds:5} s  {name}");
    }
    for (name, _, outcome) in outcomes {
        if let Err(why) = outcome {
            println!("{name}: {why:#}");
        }
    }
    for line in outcomes.iter().filter_map(|(_, _, outcome)| outcome.as_ref().ok()).flatten() {
        println!("{line}");
    }
    let failed: Vec<&str> =
        outcomes.iter().filter(|(_, _, outcome)| outcome.is_err()).map(|(name, _, _)| name.as_str()).collect();
    if !failed.is_empty() {
        bail!("these steps failed: {}", failed.join(", "));
    }
    Ok(())
}
