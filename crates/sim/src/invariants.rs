//! What must hold after every step, whatever has happened.

use std::collections::{BTreeMap, BTreeSet};

use config::{GroupKind, KillMode};
use engine::ProcessId;
use engine::handover::{GroupState, Handover, ProcessState, State};
use model::{Moment, ProcessState as Word, Signal};

use crate::machine::{Call, Machine};

/// The calls are looked at in the handover's JSON, which costs more than all the rest: once in so many steps.
const CALLS_EVERY: u64 = 64;

impl Machine {
    /// Compare what the engine believes with how the machine is.
    pub(crate) fn check(&mut self) {
        let kept = self.engine.save();
        let mut found: Vec<String> = kept
            .groups
            .iter()
            .flat_map(|group| {
                let processes = group.processes.iter().filter_map(|process| self.process_is_true(process));
                processes.chain(events_are_counted(group)).collect::<Vec<_>>()
            })
            .chain(self.deadline_is_kept(&kept))
            .chain(self.no_descendant_escapes())
            .collect();
        if self.report.steps.is_multiple_of(CALLS_EVERY) {
            found.extend(self.calls_are_known(&kept));
        }
        let states = kept.groups.into_iter().flat_map(|group| group.processes);
        let now: BTreeMap<ProcessId, State> = states.map(|process| (process.id, process.state)).collect();
        found.extend(now.iter().filter_map(|(id, to)| self.change_is_allowed(*id, to)));
        self.last = now;
        for what in found {
            self.fail(what);
        }
    }

    /// What the engine says of a process is so, or news of it is on the way.
    fn process_is_true(&self, process: &ProcessState) -> Option<String> {
        let living: Vec<u32> =
            self.children.iter().filter(|(_, child)| child.process == process.id).map(|(pid, _)| *pid).collect();
        let state = &process.state;
        let untold = |pid| self.untold.contains(&pid) || self.outlived.contains_key(&pid);
        let problem = match (state, living.as_slice()) {
            (_, [_, _, ..]) => "has two children",
            (State::Spawning { .. }, []) if self.spawning.contains(&process.id) => return None,
            (State::Spawning { .. }, _) => "waits for a child that nobody makes",
            (_, [pid]) => match state.child() {
                Some(child) if child.pid == *pid && child.gone.is_none() => return None,
                _ => "has a child that the engine does not know",
            },
            (_, []) => match state.child() {
                None => return None,
                Some(child) if child.gone.is_some() || untold(child.pid) => return None,
                Some(_) => "has no child, and nobody will say so",
            },
        };
        Some(format!("process {} {problem}: {state:?}, children {living:?}", process.id.0))
    }

    /// With `killmode=tree` the end of a program is told after that of its last descendant.
    fn no_descendant_escapes(&self) -> Option<String> {
        let waited = |root| self.children.contains_key(&root) || self.outlived.contains_key(&root);
        let (pid, kin) = self.kin.iter().find(|(_, kin)| kin.counted && !waited(kin.root))?;
        Some(format!("pid {pid} of pid {} escapes the stop", kin.root))
    }

    /// A signal that is to end a program comes when it should, and reaches all whom it should.
    pub(crate) fn signal_is_due(&mut self, process: ProcessId, pid: u32, signal: Signal, to_group: bool) {
        if let (Signal::KILL, Some(State::Stopping { kill_at, .. })) = (signal, self.last.get(&process))
            && Moment(self.now) < *kill_at
        {
            self.fail(format!("pid {pid} is killed before its time"));
        }
        let for_all = self.children.get(&pid).is_some_and(|child| child.kill != KillMode::Process);
        if matches!(signal, Signal::TERM | Signal::INT | Signal::KILL) && for_all && !to_group {
            self.fail(format!("{} to pid {pid} does not reach all that belong to it", signal.name()));
        }
    }

    /// States follow each other as the manual's picture has it; what takes its time is not over before.
    fn change_is_allowed(&self, id: ProcessId, to: &State) -> Option<String> {
        let from = self.last.get(&id)?;
        let early = match (from, to) {
            (State::Starting { up_at, .. }, State::Running { .. }) => {
                Moment(self.now) < *up_at && !self.quick.contains(&id)
            }
            _ => false,
        };
        if early {
            return Some(format!("process {} comes up before its time", id.0));
        }
        let (from, to) = (from.word(), to.word());
        (from != to && !follows(from, to)).then(|| format!("process {} goes from {from:?} to {to:?}", id.0))
    }

    /// Whatever ends by itself has a deadline, and it is not later than the engine's next.
    fn deadline_is_kept(&self, kept: &Handover) -> Option<String> {
        let processes = kept.groups.iter().flat_map(|group| &group.processes);
        let first = processes.filter_map(|process| process.state.deadline()).min()?;
        match self.due() {
            Some(due) if due <= first => None,
            // While the daemon stops, pauses end with it.
            _ if self.finished => None,
            due => Some(format!("a deadline at {first:?} is not kept: the next is {due:?}")),
        }
    }

    /// Every call that waits is known to the engine, and waits for something that has an end.
    fn calls_are_known(&self, kept: &Handover) -> Option<String> {
        let kept = serde_json::to_value(kept).ok()?;
        let open: BTreeSet<u64> =
            kept["calls"]["open"].as_object()?.keys().filter_map(|call| call.parse().ok()).collect();
        let mut waits = self.calls.iter().filter(|(_, call)| **call == Call::Waits).map(|(id, _)| id.0);
        // Those behind a question to the world are not part of a handover.
        if self.engine.open_questions() == 0
            && let Some(call) = waits.find(|call| !open.contains(call))
        {
            return Some(format!("call {call} waits and is forgotten"));
        }
        let processes = kept["groups"].as_array()?.iter().flat_map(|group| group["processes"].as_array());
        let idle = processes.flatten().find(|process| {
            let waited_for = process["waiters"].as_array().is_some_and(|waiters| !waiters.is_empty());
            waited_for && !ends_by_itself(&process["state"])
        })?;
        Some(format!("a call waits for {idle}, which has no end"))
    }

    /// At the end of a calm time nobody waits.
    pub(crate) fn check_answered(&mut self) {
        let waiting: Vec<_> = self.calls.iter().filter(|(_, call)| **call == Call::Waits).map(|(id, _)| *id).collect();
        if !waiting.is_empty() {
            self.fail(format!("calls that are never answered: {waiting:?}"));
        }
    }

    /// After its end the daemon leaves nobody behind, but those it could not signal.
    pub(crate) fn check_end(&mut self) {
        let left: Vec<_> = self.children.iter().filter(|(pid, _)| !self.lost.contains(pid)).collect();
        let left = format!("{left:?}");
        if !self.finished {
            self.fail("the daemon does not end".into());
        } else if left != "[]" {
            self.fail(format!("children are left behind: {left}"));
        }
    }
}

/// The manual's picture of states, with changes that happen at one instant taken together.
const fn follows(from: Word, to: Word) -> bool {
    match from {
        Word::Stopped | Word::Fatal => matches!(to, Word::Starting),
        Word::Starting => !matches!(to, Word::Starting),
        Word::Running => matches!(to, Word::Stopping | Word::Exited | Word::Starting | Word::Unknown),
        Word::Backoff => matches!(to, Word::Starting | Word::Stopped | Word::Fatal),
        Word::Stopping => matches!(to, Word::Stopped | Word::Unknown),
        Word::Exited => matches!(to, Word::Starting),
        Word::Unknown => false,
    }
}

/// In a handover's JSON: a state that lasts until somebody asks for another is a text or RUNNING with a child that lives.
fn ends_by_itself(state: &serde_json::Value) -> bool {
    let Some((name, within)) = state.as_object().and_then(|state| state.iter().next()) else { return false };
    matches!(name.as_str(), "Spawning" | "Starting" | "Stopping") || !within["child"]["gone"].is_null()
}

/// Each event that a pool took is accepted, lost, waiting or in a listener's hand, and no queue is longer than it may be.
fn events_are_counted(group: &GroupState) -> Option<String> {
    let pool = group.pool.as_ref()?;
    let GroupKind::Listeners(config) = &group.config.kind else { return None };
    let in_hand = group
        .processes
        .iter()
        .filter(|process| process.listener.as_ref().is_some_and(|listener| listener.event.is_some()));
    let sum = pool.accepted + pool.lost + pool.queue.len() as u64 + in_hand.count() as u64;
    if sum != pool.next_serial {
        return Some(format!("pool {} took {} events and knows of {sum}", group.config.name, pool.next_serial));
    }
    (pool.queue.len() > config.buffer_size).then(|| format!("the buffer of {} overflows", group.config.name))
}
