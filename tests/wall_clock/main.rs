//! The wall clock of a real daemon is moved by hours, both ways, while programs are in every state that waits.
//!
//! The machine's clock is left alone: the daemon asks the C library, and a shim that is loaded before it tells another time.
//! The programs that are shipped are static and load nothing, so this test is the daemon too when a variable says so; hence
//! a `main` of its own, which runs what the command line names. Deliberately absent: clocks that run too fast or too slowly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where its world is not as it should be")]

#[allow(dead_code, reason = "it is the harness of the supervision tests")]
#[path = "../supervision/harness.rs"]
mod harness;
mod house;
mod moves;

use std::process::ExitCode;

/// A name, and what is to hold.
type Test = (&'static str, fn());

const TESTS: [Test; 4] = [
    ("deadlines_and_uptimes_hold_when_the_clock_is_set_forward", moves::forward),
    ("deadlines_and_uptimes_hold_when_the_clock_is_set_back", moves::back),
    ("ticks_follow_the_new_time_and_none_is_told_for_what_was_jumped_over", moves::ticks),
    ("a_daemon_that_died_is_followed_by_one_with_another_time", moves::adopted),
];

fn main() -> ExitCode {
    if std::env::var_os(house::DAEMON).is_some() {
        return daemon::main();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let chosen = TESTS.into_iter().filter(|(name, _)| is_wanted(name));
    if words.iter().any(|word| word == "--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let Some(shim) = house::Shim::build() else { return ExitCode::FAILURE };
    // They wait more than they work.
    let running: Vec<_> = chosen.map(|(name, test)| (name, std::thread::spawn(test))).collect();
    let mut code = ExitCode::SUCCESS;
    for (name, thread) in running {
        let good = thread.join().is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if !good {
            code = ExitCode::FAILURE;
        }
    }
    drop(shim);
    code
}
