//! `cargo xtask fuzz`: coverage-guided fuzzing of fuzz/'s targets, on the toolchain that builds everything else.
//!
//! The fuzzer (libFuzzer) is built with the compiler's coverage pass, which needs no nightly. New inputs of a run stay in the
//! target folder; `--keep` takes those that reach new code over into fuzz/corpus. Deliberately absent: the targets (fuzz/src).

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::run;

/// What makes the compiler count which code an input reaches.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];
/// Seconds for each target where nothing else is asked for.
const SECONDS: &str = "60";
/// Seconds for each target in CI.
const CI_SECONDS: &str = "20";
/// Seconds after which one input counts as a hang.
const HANG: &str = "20";

/// Where things are.
struct Places {
    runner: PathBuf,
    /// New inputs of every target, and its log.
    runs: PathBuf,
    kept: PathBuf,
}

/// Builds the fuzzer and runs targets: `[--seconds N] [--keep] [TARGET…]`, or `TARGET --replay FILE`.
pub fn main(arguments: &[String]) -> Result<()> {
    let seconds = run::option(arguments, "--seconds").unwrap_or_else(|| SECONDS.to_owned());
    let replay = run::option(arguments, "--replay");
    let values = [Some(&seconds), replay.as_ref()];
    let named: Vec<&String> =
        arguments.iter().filter(|word| !word.starts_with("--") && !values.contains(&Some(word))).collect();
    let all = targets()?;
    for name in &named {
        ensure!(all.contains(name), "there is no target {name}; there are {}", all.join(" "));
    }
    let places = build()?;
    if let Some(file) = replay {
        let [target] = named.as_slice() else { bail!("--replay needs one target") };
        let status = fuzzer(&places, target).arg(&file).status()?;
        ensure!(status.success(), "{target} still fails on {file}");
        return Ok(());
    }
    let wanted = if named.is_empty() { all.iter().collect() } else { named };
    let failed = run_all(&places, &wanted, &seconds);
    if arguments.iter().any(|word| word == "--keep") {
        wanted.iter().try_for_each(|target| keep(&places, target))?;
    }
    ensure!(failed.is_empty(), "these targets found something: {}", failed.join(", "));
    Ok(())
}

/// All targets for a short time, as a step of CI.
pub fn ci(_: &str) -> Result<()> {
    main(&["--seconds".to_owned(), CI_SECONDS.to_owned()])
}

/// Every target has a corpus of its name; a test of fuzz/ holds the two together.
fn targets() -> Result<Vec<String>> {
    let folder = run::top().join("fuzz/corpus");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn build() -> Result<Places> {
    let folder = run::target()?.join("fuzz");
    let version = run::output("rustc", &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not say its host")?;
    let status = Command::new("cargo")
        .args(["build", "--manifest-path", "fuzz/runner/Cargo.toml", "--target", host, "--target-dir"])
        .arg(&folder)
        // With a target named, the flags reach neither build scripts nor procedural macros.
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        // The fuzzer's C++ is not linked statically.
        .env("RUSTC_WRAPPER", "")
        .current_dir(run::top())
        .status()?;
    ensure!(status.success(), "the fuzzer cannot be built: is a C++ compiler installed?");
    let runner = folder.join(host).join("debug/fuzz-runner");
    Ok(Places { runner, runs: folder.join("runs"), kept: run::top().join("fuzz/corpus") })
}

fn fuzzer(places: &Places, target: &str) -> Command {
    let mut command = Command::new(&places.runner);
    command.env("FUZZ_TARGET", target).current_dir(run::top()).arg(format!("-timeout={HANG}"));
    command
}

/// Runs these targets, as many at a time as there are processors; the names of those that found something.
fn run_all(places: &Places, targets: &[&String], seconds: &str) -> Vec<String> {
    let next = Mutex::new(targets.iter());
    let failed = Mutex::new(Vec::new());
    let take = || next.lock().ok().and_then(|mut left| left.next().copied());
    let work = || {
        while let Some(target) = take() {
            if let Err(why) = run_one(places, target, seconds) {
                println!("{target}: {why:#}");
                failed.lock().into_iter().for_each(|mut list| list.push(target.clone()));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().unwrap_or_default()
}

fn run_one(places: &Places, target: &str, seconds: &str) -> Result<()> {
    let folder = places.runs.join(target);
    let (fresh, found, log) = (folder.join("corpus"), folder.join("found"), folder.join("log"));
    std::fs::create_dir_all(&fresh)?;
    std::fs::create_dir_all(&found)?;
    let output = std::fs::File::create(&log)?;
    let words = run::top().join("fuzz/dictionaries").join(target);
    let status = fuzzer(places, target)
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(words.exists().then(|| format!("-dict={}", words.display())))
        .args([&fresh, &places.kept.join(target)])
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()?;
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    println!("{target}: {}", figures(&text));
    judge(target, status, &text)
}

/// What the fuzzer says at its end.
fn figures(log: &str) -> String {
    let last = |mark: &str| {
        let found = log.lines().rev().find_map(|line| line.split_once(mark))?;
        found.1.split_whitespace().next().map(str::to_owned)
    };
    let number = |mark| last(mark).unwrap_or_else(|| "?".to_owned());
    format!(
        "{} executions, {} edges reached, {} new inputs",
        number("stat::number_of_executed_units:"),
        number(" cov: "),
        number("stat::new_units_added:")
    )
}

/// What was found, where the input is, and how to see it again.
fn judge(target: &str, status: ExitStatus, log: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(40)) {
        println!("    {line}");
    }
    match log.lines().find_map(|line| line.split_once("Test unit written to ")) {
        Some((_, file)) => bail!(
            "it fails on {file}\n  again: cargo xtask fuzz {target} --replay {file}\n  \
             when it is mended: copy that file to fuzz/corpus/{target}/, so that every test run reads it"
        ),
        None => bail!("the fuzzer ended with {status}"),
    }
}

/// Takes inputs that reach new code over into the kept corpus; what is there stays.
fn keep(places: &Places, target: &str) -> Result<()> {
    let (kept, fresh) = (places.kept.join(target), places.runs.join(target).join("corpus"));
    let count = |folder: &Path| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let before = count(&kept);
    // By code that is reached, not by how often: a corpus is read in every test run.
    let merged = fuzzer(places, target).args(["-merge=1", "-use_counters=0"]).args([&kept, &fresh]).output()?;
    ensure!(merged.status.success(), "cannot merge: {}", String::from_utf8_lossy(&merged.stderr));
    println!("{target}: {} inputs kept, {before} before", count(&kept));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{figures, judge};

    #[test]
    fn a_finding_names_its_input_and_how_to_see_it_again() {
        let log = "thread panicked\nartifact_prefix='x/'; Test unit written to x/crash-1\nBase64: eA==\n";
        let told = judge("ansi", ExitStatus::from_raw(77 << 8), log).unwrap_err().to_string();
        assert!(told.contains("cargo xtask fuzz ansi --replay x/crash-1"), "{told}");
        assert!(judge("ansi", ExitStatus::from_raw(0), "").is_ok());
        assert!(judge("ansi", ExitStatus::from_raw(9), "").is_err());
    }

    #[test]
    fn the_figures_of_a_run_are_read_from_its_log() {
        let log = "#2 INITED cov: 5 ft: 6\n#9 NEW cov: 12 ft: 6 corp: 1\nstat::number_of_executed_units: 99\n\
                   stat::new_units_added:          3\n";
        assert_eq!(figures(log), "99 executions, 12 edges reached, 3 new inputs");
        assert_eq!(figures(""), "? executions, ? edges reached, ? new inputs");
    }
}
