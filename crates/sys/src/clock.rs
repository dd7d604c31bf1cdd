//! The two clocks of the house: one for deadlines, one for people.
//!
//! The second is read as the C library reads it, so that a test can put another one before it. Deliberately absent: timers.

use std::time::{SystemTime, UNIX_EPOCH};

use model::{Moment, WallTime};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// CLOCK_BOOTTIME: never set back, goes on during suspend. All deadlines are in it.
#[must_use]
pub fn now() -> Moment {
    Moment(u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or(0))
}

/// CLOCK_REALTIME: what people and the protocol see. It may be set at any time.
#[must_use]
pub fn wall() -> WallTime {
    let saturated = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    WallTime(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => saturated(since),
        Err(before) => -saturated(before.duration()),
    })
}

/// Saturates in the year 2262.
fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_do_not_go_back_and_the_wall_clock_shows_this_century() {
        let first = super::now();
        assert!(super::now() >= first);
        assert!(super::wall().seconds() > 1_700_000_000);
    }
}
