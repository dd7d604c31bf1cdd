//! What must hold after every step, whatever has happened.

use engine::handover::{GroupState, Handover, ProcessState, State};

use crate::machine::{Call, Machine};

impl Machine {
    /// Compare what the engine believes with how the machine is.
    pub(crate) fn check(&mut self) {
        let kept = self.engine.save();
        let found: Vec<String> = kept
            .groups
            .iter()
            .flat_map(|group| {
                let processes = group.processes.iter().filter_map(|process| self.process_is_true(process));
                processes.chain(events_are_counted(group)).collect::<Vec<_>>()
            })
            .chain(self.deadline_is_kept(&kept))
            .collect();
        for what in found {
            self.fail(what);
        }
    }

    /// What the engine says of a process is so, or news of it is on the way.
    fn process_is_true(&self, process: &ProcessState) -> Option<String> {
        let living: Vec<u32> =
            self.children.iter().filter(|(_, child)| child.process == process.id).map(|(pid, _)| *pid).collect();
        let state = &process.state;
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
                Some(child) if child.gone.is_some() || self.untold.contains(&child.pid) => return None,
                Some(_) => "has no child, and nobody will say so",
            },
        };
        Some(format!("process {} {problem}: {state:?}, children {living:?}", process.id.0))
    }

    /// Whatever ends by itself has a deadline, and it is not later than the engine's next.
    fn deadline_is_kept(&self, kept: &Handover) -> Option<String> {
        let processes = kept.groups.iter().flat_map(|group| &group.processes);
        let first = processes.filter_map(|process| process.state.deadline()).min()?;
        match self.engine.due() {
            Some(due) if due <= first => None,
            // While the daemon stops, pauses end with it.
            _ if self.finished => None,
            due => Some(format!("a deadline at {first:?} is not kept: the next is {due:?}")),
        }
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
        let left: Vec<_> = self.children.values().filter(|child| !self.lost.contains(&child.process)).collect();
        let left = format!("{left:?}");
        if !self.finished {
            self.fail("the daemon does not end".into());
        } else if left != "[]" {
            self.fail(format!("children are left behind: {left}"));
        }
    }
}

/// Each event that a pool took is accepted, lost, waiting or in a listener's hand, and no queue is longer than it may be.
fn events_are_counted(group: &GroupState) -> Option<String> {
    let pool = group.pool.as_ref()?;
    let config::GroupKind::Listeners(config) = &group.config.kind else { return None };
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
