//! Some hundreds of seeds. `SIM_SEEDS=100000` runs more, `SIM_FROM=7` begins elsewhere, `SIM_SECONDS=3600` makes each run
//! longer; `SIM_SEED=42` runs one and prints its trace.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails by it, and shows what it was asked for")]

use sim::{Report, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn supervision_holds_whatever_happens() {
    let seconds = number("SIM_SECONDS").unwrap_or(60);
    let (from, count) = match number("SIM_SEED") {
        Some(seed) => (seed, 1),
        None => (number("SIM_FROM").unwrap_or(0), number("SIM_SEEDS").unwrap_or(300)),
    };
    let mut sum = Report::default();
    for seed in from..from + count {
        match run(seed, seconds) {
            Ok(report) => {
                sum.spawns += report.spawns;
                sum.events += report.events;
                sum.crashes += report.crashes;
                sum.upgrades += report.upgrades;
            }
            Err(failure) => {
                println!("{}", failure.trace.join("\n"));
                panic!("seed {}: {} (again: SIM_SEED={} cargo test -p sim)", failure.seed, failure.what, failure.seed);
            }
        }
    }
    println!("{count} seeds: {sum:?}");
    // A simulation in which nothing happens would hold for ever.
    assert!(sum.spawns > count && sum.events > 0 && (count < 10 || (sum.crashes > 0 && sum.upgrades > 0)), "{sum:?}");
}

#[test]
fn a_seed_gives_the_same_run_again() {
    assert_eq!(run(7, 30).ok(), run(7, 30).ok());
}
