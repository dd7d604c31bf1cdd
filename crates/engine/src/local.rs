//! What can be known only where the daemon runs, given to the engine as plain data and one plain function.

use model::WallTime;

/// What the engine needs of the place where it runs.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// The daemon's own process id (`getPID`).
    pub pid: u32,
    /// The local time of a moment: `status` shows when a process stopped as `Nov 23 02:40 AM`. It must not wait.
    pub time: fn(WallTime) -> LocalTime,
}

/// A time of day as people near the machine read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl LocalTime {
    /// As in `supervisorctl status`: strftime(3) `%b %d %I:%M %p` in the C locale.
    #[must_use]
    pub fn text(self) -> String {
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"???");
        let hour = if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 };
        let half = if self.hour < 12 { "AM" } else { "PM" };
        format!("{month} {:02} {hour:02}:{:02} {half}", self.day, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use super::LocalTime;

    #[test]
    fn midnight_and_noon_are_twelve() {
        let at = |hour| LocalTime { month: 11, day: 3, hour, minute: 5 }.text();
        assert_eq!([at(0), at(12), at(13)], ["Nov 03 12:05 AM", "Nov 03 12:05 PM", "Nov 03 01:05 PM"]);
    }
}
