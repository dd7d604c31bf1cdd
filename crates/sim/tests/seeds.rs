//! Some hundreds of seeds. `SIM_SEEDS=100000` runs more, `SIM_FROM=7` begins elsewhere, `SIM_SECONDS=3600` makes each run
//! longer; `SIM_SEED=42` runs one and prints its trace.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by it, and shows what was asked"
)]

use sim::{Report, Sabotage, run, run_broken};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn supervision_holds_whatever_happens() {
    let seconds = number("SIM_SECONDS").unwrap_or(40);
    let (from, count) = match number("SIM_SEED") {
        Some(seed) => (seed, 1),
        None => (number("SIM_FROM").unwrap_or(0), number("SIM_SEEDS").unwrap_or(200)),
    };
    let mut sum = Report::default();
    for seed in from..from + count {
        match run(seed, seconds) {
            Ok(report) => sum.add(&report),
            Err(failure) => {
                println!("{}", failure.trace.join("\n"));
                panic!("seed {}: {} (again: SIM_SEED={} cargo test -p sim)", failure.seed, failure.what, failure.seed);
            }
        }
    }
    println!("{count} seeds: {sum:?}");
    if count >= 100 {
        // A simulation in which nothing happens would hold for ever.
        let least = [sum.spawns, sum.events, sum.crashes, sum.upgrades, sum.forks, sum.found, sum.replies - sum.faults];
        assert!(least.iter().all(|&number| number > count / 10), "{sum:?}");
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    assert_eq!(run(7, 30).ok(), run(7, 30).ok());
}

/// The first failure of a broken world.
fn failure(sabotage: Sabotage) -> Box<sim::Failure> {
    let found = (0..400).find_map(|seed| run_broken(seed, 60, Some(sabotage)).err());
    found.unwrap_or_else(|| panic!("{sabotage:?} is not seen"))
}

#[test]
fn every_check_sees_the_world_that_breaks_it() {
    for sabotage in Sabotage::ALL {
        let seen = failure(sabotage).what;
        assert!(seen.contains(sabotage.caught_by()), "{sabotage:?}: {seen}");
    }
}

#[test]
fn a_failure_is_told_with_a_trace_that_comes_again() {
    let first = failure(Sabotage::SecondCopy);
    let again = run_broken(first.seed, 60, Some(Sabotage::SecondCopy)).unwrap_err();
    assert_eq!((&first.what, &first.trace), (&again.what, &again.trace));
    assert!(first.trace.len() > 5, "{:?}", first.trace);
    let failed = first.trace.iter().find(|line| line.contains("FAILS: ")).unwrap();
    assert!(failed.contains(&first.what), "{failed}");
}
