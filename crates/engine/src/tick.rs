//! TICK events: one whenever the wall clock enters another slice of 5 seconds, a minute or an hour, and only while
//! somebody listens.

use std::time::Duration;

use model::{EventType, Moment, WallTime};

use crate::engine::Engine;
use crate::timers::Timer;

const TICKS: [(EventType, i64); 3] = [(EventType::Tick5, 5), (EventType::Tick60, 60), (EventType::Tick3600, 3600)];

const fn slice(wall: WallTime, period: i64) -> i64 {
    wall.seconds() - wall.seconds().rem_euclid(period)
}

/// A wall clock that has gone by so much more or less than the other was set; less is a clock that is being corrected.
const SET: u64 = 1_000_000_000;

impl Engine {
    /// If the wall clock was set since then, the next tick is no longer due when it was thought to be.
    pub(crate) fn notice_set_clock(&mut self, (now, wall): (Moment, WallTime)) {
        let passed = i64::try_from(self.now.since(now).as_nanos()).unwrap_or(i64::MAX);
        let shown = self.wall.0.saturating_sub(wall.0);
        if shown.abs_diff(passed) > SET && self.timers.is_set(Timer::Tick) {
            self.timers.set(Timer::Tick, Some(self.now));
        }
    }

    /// The pools have changed: ticks begin, go on or end. The slice that is current is not told.
    pub(crate) fn rearm_ticks(&mut self) {
        if !self.timers.is_set(Timer::Tick) {
            self.last_tick = self.wall;
        }
        self.set_tick_timer();
    }

    /// Tell of each slice that the wall clock has entered since the last look, the present one only: a clock that was
    /// set gives one tick, not thousands.
    pub(crate) fn tick(&mut self) {
        let (last, wall) = (self.last_tick, self.wall);
        self.last_tick = wall;
        for (kind, period) in TICKS {
            let this = slice(wall, period);
            if this != slice(last, period) {
                self.raise(kind, || format!("when:{this}"));
            }
        }
        self.set_tick_timer();
    }

    fn set_tick_timer(&mut self) {
        let wall = self.wall;
        let wanted = TICKS.into_iter().filter(|(kind, _)| self.bus.wants(*kind));
        let nearest = wanted.map(|(_, period)| slice(wall, period).saturating_add(period)).min();
        let until = |seconds: i64| {
            let nanos = seconds.saturating_mul(1_000_000_000).saturating_sub(wall.0);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
        };
        self.timers.set(Timer::Tick, nearest.map(|seconds| self.now.after(until(seconds))));
    }
}
