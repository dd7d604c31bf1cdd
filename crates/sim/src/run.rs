//! One run: trouble for a while, then calm, then the end; invariants after every step.

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::{DaemonSignal, Input};
use model::Signal;

use crate::machine::{Happening, MS, Machine};
use crate::rng::Rng;
use crate::sabotage::Sabotage;

/// Steps that may happen at one instant before it is a busy loop.
const AT_ONCE: u32 = 10_000;

/// What happened in a run, so that a test can see that anything did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Facts that the engine was told.
    pub steps: u64,
    /// Children that it ordered.
    pub spawns: u64,
    /// Events that listeners read.
    pub events: u64,
    /// Calls that were answered.
    pub replies: u64,
    /// Those of them that were faults.
    pub faults: u64,
    /// Crashes of the daemon.
    pub crashes: u64,
    /// Upgrades in place.
    pub upgrades: u64,
    /// Processes that children forked.
    pub forks: u64,
    /// Children that a successor found although they were not noted.
    pub found: u64,
    /// Children of groups that were never noted: a successor does not know them.
    pub strays: u64,
}

impl Report {
    /// Counts another run in.
    pub const fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.spawns += other.spawns;
        self.events += other.events;
        self.replies += other.replies;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.upgrades += other.upgrades;
        self.forks += other.forks;
        self.found += other.found;
        self.strays += other.strays;
    }
}

/// What went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that shows it again.
    pub seed: u64,
    /// What should not be.
    pub what: String,
    /// What happened before, the last line last.
    pub trace: Vec<String>,
}

/// Run a seed for about so many seconds of trouble.
///
/// # Errors
/// The first invariant that did not hold, or the panic that came.
pub fn run(seed: u64, seconds: u64) -> Result<Report, Box<Failure>> {
    run_broken(seed, seconds, None)
}

/// The same in a world that is broken on purpose.
///
/// # Errors
/// What the checks see of it.
pub fn run_broken(seed: u64, seconds: u64, sabotage: Option<Sabotage>) -> Result<Report, Box<Failure>> {
    match attempt(seed, seconds, sabotage, false) {
        Ok(report) => Ok(report),
        // The same once more, this time written down.
        Err(failure) => attempt(seed, seconds, sabotage, true).and(Err(failure)),
    }
}

fn attempt(seed: u64, seconds: u64, sabotage: Option<Sabotage>, traced: bool) -> Result<Report, Box<Failure>> {
    let mut machine = Machine::new(Rng::new(seed), traced, sabotage);
    let ended = catch_unwind(AssertUnwindSafe(|| live(&mut machine, seconds)));
    if let Err(panic) = ended {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        machine.fail(format!("panics: {}", text.unwrap_or_default()));
    }
    match machine.failure.take() {
        None => Ok(machine.report),
        Some(what) => Err(Box::new(Failure { seed, what, trace: machine.trace.into() })),
    }
}

fn live(machine: &mut Machine, seconds: u64) {
    machine.tell(Input::Started);
    machine.later(1000, Happening::Client);
    machine.later(4000, Happening::Weather);
    pass(machine, machine.now + seconds * 1000 * MS);
    if machine.failure.is_some() {
        return;
    }
    machine.note(|| "it is calm from now on".into());
    machine.calm = true;
    machine.doom = None;
    machine.file.full = false;
    assert!(!machine.is(Sabotage::Panic), "as it was asked to");
    pass(machine, machine.now + 60 * 1000 * MS);
    if machine.failure.is_some() {
        return;
    }
    machine.check_answered();
    machine.tell(Input::Signalled(DaemonSignal::Exit(Signal::TERM)));
    pass(machine, machine.now + 300 * 1000 * MS);
    if machine.failure.is_none() {
        machine.check_end();
    }
}

/// Let everything happen up to a moment, or up to the first thing that should not be.
fn pass(machine: &mut Machine, end: u64) {
    let mut at_once = 0;
    while machine.failure.is_none() && !machine.finished {
        let Some(next) = machine.next_time().filter(|next| *next <= end) else { break };
        at_once = if next > machine.now { 0 } else { at_once + 1 };
        if at_once > AT_ONCE {
            return machine.fail("a busy loop".into());
        }
        machine.step();
        machine.check();
    }
    machine.now = machine.now.max(end);
}
