//! Faults on the real daemon: it is killed, its machine is full, its clients and listeners stand still, its programs go mad.
//!
//! After each the services live, `status` is true, and nothing leaks. Ordinary runs try each a few times; environment
//! variables make it many: SUPERVISOR_FAULTS_KILLS (15), SUPERVISOR_FAULTS_EXITS (5000), and SUPERVISOR_FAULTS_SEED repeats a
//! run. Deliberately absent: a wall clock that is moved (that is `wall_clock`).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where its world is not as it should be")]

mod bomb;
mod churn;
mod disk;
#[allow(dead_code, reason = "it is the harness of the supervision tests")]
#[path = "../supervision/harness.rs"]
mod harness;
mod kills;
mod limits;
mod paused;
#[path = "../survivors/mod.rs"]
mod survivors;
mod upgrades;

use harness::{Daemon, children, stat, wait};

/// A number from the environment.
fn number(name: &str, ordinary: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(ordinary)
}

/// No child of the daemon has ended without being reaped.
fn no_zombie(pid: u32) {
    let zombies =
        || children(pid).into_iter().filter(|&child| stat(child).is_some_and(|fields| fields[0] == "Z")).count();
    wait("no zombie is left", || zombies() == 0);
}

/// What `status` says is what /proc says: a program that runs has its process, and no other program has one.
fn status_is_true(daemon: &Daemon) {
    let status = daemon.ctl_out("status");
    for line in status.lines() {
        let mut words = line.split_whitespace();
        let (name, state) = (words.next().unwrap(), words.next().unwrap());
        if state == "RUNNING" {
            let pid: u32 = line.split("pid ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
            let fields = stat(pid).unwrap_or_else(|| panic!("{name} does not run: {status}"));
            assert_eq!(fields[1], daemon.pid().to_string(), "{name} is the daemon's child");
        }
    }
    let running = status.lines().filter(|line| line.contains("RUNNING")).count();
    assert_eq!(children(daemon.pid()).len(), running, "{status}");
}

/// How much memory a process has, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// True if this process may do what a test needs; else it says why the test is skipped.
fn allowed(what: &str, command: &[&str]) -> bool {
    let (program, words) = command.split_first().unwrap();
    let done = std::process::Command::new(program).args(words).output().is_ok_and(|output| output.status.success());
    if !done {
        eprintln!("skipped: {what} cannot be had here ({})", command.join(" "));
    }
    done
}
