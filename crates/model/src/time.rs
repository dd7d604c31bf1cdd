//! Points in time as plain numbers: the engine has no clock, it is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds of CLOCK_BOOTTIME (clock_gettime(2)): never set back, goes on during suspend, the same for every
/// process of one boot, so that a moment survives a restart of the daemon. All deadlines are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment and a while; saturates.
    #[must_use]
    pub fn after(self, while_: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(while_.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// This moment and so many whole seconds; a negative number is none.
    #[must_use]
    pub fn after_secs(self, seconds: i64) -> Self {
        self.after(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    /// The time from `earlier` to this moment; zero if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Nanoseconds since 1970 (CLOCK_REALTIME): only where a person or the protocol sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WallTime(pub i64);

impl WallTime {
    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
}
