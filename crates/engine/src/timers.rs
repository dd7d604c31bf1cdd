//! Deadlines: each thing that waits has at most one, and the nearest is found without looking at the others.

use std::collections::{BTreeMap, BTreeSet};

use model::Moment;

use crate::input::ProcessId;

/// What has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A process' state, or the wait for its last output.
    Process(ProcessId),
    /// The next «waiting for x to stop».
    StopReport(ProcessId),
    /// The next «waiting for x, y to die».
    ShutdownReport,
    /// Calls that came while programs are started together are answered.
    EarlyCalls,
    /// The next TICK event.
    Tick,
}

/// All deadlines; setting, clearing and finding the nearest take O(log n).
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Moment, Timer)>,
    at: BTreeMap<Timer, Moment>,
}

impl Timers {
    /// Set, move or (with `None`) clear a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Moment>) {
        let old = match at {
            Some(at) => self.at.insert(timer, at),
            None => self.at.remove(&timer),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, timer));
        }
        if let Some(at) = at {
            self.queue.insert((at, timer));
        }
    }

    /// True if it has a deadline.
    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.at.contains_key(&timer)
    }

    /// The nearest deadline.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Take the nearest deadline that has passed; equal ones in the order of [`Timer`].
    pub(crate) fn pop(&mut self, now: Moment) -> Option<Timer> {
        let &(at, timer) = self.queue.first().filter(|&&(at, _)| at <= now)?;
        self.queue.remove(&(at, timer));
        self.at.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use model::Moment;

    use super::{Timer, Timers};

    #[test]
    fn a_deadline_that_is_moved_or_cleared_passes_only_at_its_last_time() {
        let mut timers = Timers::default();
        timers.set(Timer::Tick, Some(Moment(5)));
        timers.set(Timer::ShutdownReport, Some(Moment(6)));
        timers.set(Timer::Tick, Some(Moment(7)));
        timers.set(Timer::ShutdownReport, None);
        assert_eq!((timers.next(), timers.pop(Moment(6))), (Some(Moment(7)), None));
        assert_eq!((timers.pop(Moment(7)), timers.pop(Moment(9))), (Some(Timer::Tick), None));
        assert!(!timers.is_set(Timer::Tick));
    }
}
