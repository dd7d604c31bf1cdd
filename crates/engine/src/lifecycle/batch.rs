//! What is started together: a group that becomes active, or all of them with the daemon.
//!
//! The reference starts all of it before it looks who is up, and before it hears a client. So clients that ask meanwhile are
//! answered when it is done; but for a second at most, since a program on a dead disk must not make the daemon silent.
//! Deliberately absent: the starts themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::Engine;
use crate::input::{CallId, ProcessId, Request};
use crate::timers::Timer;

/// A client that asks while programs are started together waits so long at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// The starts under way that belong together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Ordered, and not answered.
    pub(crate) spawning: BTreeSet<ProcessId>,
    /// Answered, and waiting for the others: up without `startsecs`, or not to be tried again.
    pub(crate) answered: Vec<ProcessId>,
    /// Calls that came too early.
    early: Vec<(CallId, Request)>,
}

impl Batch {
    /// Calls that wait for the starts.
    pub(crate) fn early(&self) -> usize {
        self.early.len()
    }
}

impl Engine {
    /// One more is to be started with the others.
    pub(crate) fn joins_batch(&mut self, id: ProcessId) {
        if self.batch.spawning.is_empty() {
            self.timers.set(Timer::EarlyCalls, Some(self.now.after(PATIENCE)));
        }
        self.batch.spawning.insert(id);
    }

    /// A client asks: it waits if it comes too early.
    pub(crate) fn hold_early(&mut self, call: CallId, request: Request) -> Option<Request> {
        if !self.timers.is_set(Timer::EarlyCalls) {
            return Some(request);
        }
        self.batch.early.push((call, request));
        None
    }

    /// The client has gone.
    pub(crate) fn forget_early(&mut self, call: CallId) {
        self.batch.early.retain(|(early, _)| *early != call);
    }

    /// Everything is started, or takes too long.
    pub(crate) fn answer_early(&mut self) {
        self.timers.set(Timer::EarlyCalls, None);
        for (call, request) in std::mem::take(&mut self.batch.early) {
            // It may have been refused meanwhile.
            if self.knows(call) {
                self.answer(call, request);
            }
        }
    }

    /// Once the last of a batch has been answered, those without `startsecs` are RUNNING and those without retries FATAL.
    pub(crate) fn batch_answered(&mut self) {
        if !self.batch.spawning.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.batch.answered) {
            self.came_up(id);
            self.give_up_if_tried_enough(id);
            self.settle(id);
        }
        self.answer_early();
    }
}
