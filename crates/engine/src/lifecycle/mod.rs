//! How states follow each other: every change goes through [`Engine::change`], so that its event, its deadline and the
//! calls that wait for it cannot be forgotten.
//!
//! `start` brings a process up, `stop` takes it down, `end` deals with its death, `ending` with what
//! follows an end for good.

mod batch;
mod end;
mod ending;
mod start;
mod stop;

pub(crate) use batch::Batch;

use model::{Fault, FaultCode, Level, ProcessState, SupervisorState};

use crate::calls::{Waiter, Wanted};
use crate::engine::Engine;
use crate::input::ProcessId;
use crate::payload;
use crate::process::{Process, State};
use crate::timers::Timer;

impl Engine {
    /// Change a process' state: the event is raised, the deadline set, and waiting calls are answered.
    pub(crate) fn change(&mut self, id: ProcessId, state: State, expected: bool) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let (from, had_pid) = (process.word(), process.pid());
        process.state = state;
        process.revival = None;
        let to = process.word();
        self.arm(id);
        self.changes.processes.insert(id);
        if from == to {
            return;
        }
        let Some(process) = self.processes.get(&id) else { return };
        let pid = if process.pid() == 0 { had_pid } else { process.pid() };
        let event = payload::state_event(to);
        if self.bus.wants(event) {
            let text = payload::state(process, from, pid, expected);
            self.raise(event, || text);
        }
        if to == ProcessState::Running {
            self.bus.stirred = true;
        }
        if to.is_stopped() && !from.is_stopped() {
            self.one_less_to_stop(id);
        }
        self.settle(id);
    }

    /// Set the process' deadline to that of its state.
    pub(crate) fn arm(&mut self, id: ProcessId) {
        let deadline = self.processes.get(&id).and_then(|process| process.state.deadline().or(process.revival));
        self.timers.set(Timer::Process(id), deadline);
    }

    /// A process' deadline has passed.
    pub(crate) fn process_due(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.state.child().is_some_and(|child| child.gone.is_some()) {
            let name = process.config.name.clone();
            self.log(Level::Warn, format!("the last output of '{name}' did not come in time, going on without it"));
            return self.finish(id);
        }
        match &mut process.state {
            State::Starting { .. } => self.came_up(id),
            State::Stopping { .. } => self.kill_stubborn(id),
            State::Backoff { .. }
                if self.mood == SupervisorState::Running && process.tries > process.config.startretries =>
            {
                self.give_up_if_tried_enough(id);
            }
            State::Backoff { .. } | State::Exited { again: Some(_) } if self.mood == SupervisorState::Running => {
                self.start(id);
            }
            State::Exited { again } => *again = None,
            State::Fatal if process.revival.take().is_some() && self.mood == SupervisorState::Running => self.start(id),
            // While the daemon stops, a BACKOFF ends when its group's turn comes.
            State::Backoff { .. }
            | State::Stopped
            | State::Spawning { .. }
            | State::Running { .. }
            | State::Fatal
            | State::Unknown { .. } => {}
        }
    }

    /// Answer the calls whose wait for this process is over.
    pub(crate) fn settle(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id).filter(|process| !process.waiters.is_empty()) else { return };
        let waiters = std::mem::take(&mut process.waiters);
        let mut done = Vec::new();
        let mut left = Vec::new();
        for waiter in waiters {
            match verdict(process, &waiter) {
                Some(result) => done.push((waiter, result)),
                None => left.push(waiter),
            }
        }
        process.waiters = left;
        let answered_now = process.answered == self.now;
        for (waiter, result) in done {
            let at_once = match waiter.wanted {
                Wanted::Start { .. } => answered_now,
                Wanted::Stop => self.is_new(waiter.part),
            };
            self.part_done(waiter.part, at_once, result);
        }
    }

    /// Something happened that cannot: this one process is given up, all others go on.
    pub(crate) fn broken(&mut self, id: ProcessId, what: &str) {
        let Some(process) = self.processes.get(&id) else { return };
        let (name, word, child) = (process.namespec(), process.word().name(), process.state.child().cloned());
        self.log(Level::Critical, format!("{what} of '{name}' while it is {word}: its state is not known any more"));
        self.change(id, State::Unknown { child }, false);
    }

    /// A fact about a process that is not supervised (any more).
    pub(crate) fn stranger(&mut self, id: ProcessId, what: &str) {
        self.debug(|| format!("{what} of process {}, which is not supervised, is ignored", id.0));
    }
}

/// How a wait ends in the present state, if it does.
fn verdict(process: &Process, waiter: &Waiter) -> Option<Result<(), Fault>> {
    let word = process.word();
    match waiter.wanted {
        Wanted::Stop => match word {
            ProcessState::Unknown => {
                let why = process.spawnerr.clone().unwrap_or_else(|| waiter.name.clone());
                Some(Err(Fault::about(FaultCode::Failed, why)))
            }
            _ if word.is_stopped() => Some(Ok(())),
            _ => None,
        },
        Wanted::Start { .. } if process.spawnerr.is_some() => {
            Some(Err(Fault::about(FaultCode::SpawnError, &waiter.name)))
        }
        Wanted::Start { wait } => match process.state {
            State::Spawning { .. } => None,
            State::Starting { .. } if wait => None,
            State::Running { .. } => Some(Ok(())),
            _ if !wait => Some(Ok(())),
            _ => Some(Err(Fault::about(FaultCode::AbnormalTermination, &waiter.name))),
        },
    }
}
