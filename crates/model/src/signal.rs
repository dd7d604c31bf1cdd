//! Signals by name and number, as Linux (signal(7)) numbers them and as Supervisor spells them.

use serde::{Deserialize, Serialize};

/// A signal's number; always one that the kernel knows, or 0, which only asks whether there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signal(u8);

/// Names and numbers of signal(7) on x86-64, arm and most others. Where a number has two names, the first is shown.
const NAMES: &[(&str, u8)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("RTMIN", 34),
    ("RTMAX", 64),
];

/// Python's names for what to do with a signal begin like those of signals.
const ODD_NAMES: &[(&str, u8)] = &[("_DFL", 0), ("_IGN", 1), ("_BLOCK", 0), ("_UNBLOCK", 1), ("_SETMASK", 2)];

/// A number as Python's `int` reads it: a sign, single underscores between digits.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let bare = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if bare { None } else { text.replace('_', "").parse().ok() }
}

impl Signal {
    /// Hang-up: by custom a request to read the configuration again.
    pub const HUP: Self = Self(1);
    /// Interrupt from a terminal.
    pub const INT: Self = Self(2);
    /// Quit from a terminal.
    pub const QUIT: Self = Self(3);
    /// The end that cannot be caught.
    pub const KILL: Self = Self(9);
    /// Free for a program's own use.
    pub const USR1: Self = Self(10);
    /// Free for a program's own use; the daemon reopens its logs.
    pub const USR2: Self = Self(12);
    /// The polite request to end; the default `stopsignal`.
    pub const TERM: Self = Self(15);
    /// A child has ended.
    pub const CHLD: Self = Self(17);
    /// Stand still; cannot be caught.
    pub const STOP: Self = Self(19);

    /// The signal of this number, 1 to 64.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        if number >= 1 && number <= 64 { Some(Self(number as u8)) } else { None }
    }

    /// The signal that a configuration or a client names: a number, `TERM` or `SIGTERM`, in any case.
    ///
    /// As the reference, it takes only numbers that Python has a name for. Python's `SIG_DFL`, `SIG_IGN` and the like
    /// are among those names: so 0, which asks whether a process is there, is taken too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(number) = integer(text) {
            let known = number == 0 || NAMES.iter().any(|&(_, known)| i64::from(known) == number);
            return u8::try_from(number).ok().filter(|_| known).map(Self);
        }
        let upper = text.to_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().chain(ODD_NAMES).find(|&&(known, _)| known == name).map(|&(_, number)| Self(number))
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// `SIGTERM`, or `signal 35` where it has no name.
    #[must_use]
    pub fn name(self) -> String {
        match NAMES.iter().find(|&&(_, number)| number == self.0) {
            Some((name, _)) => format!("SIG{name}"),
            None => format!("signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;

    #[test]
    fn a_signal_is_a_name_with_or_without_sig_or_a_number() {
        for text in ["TERM", "term", "SIGTERM", "sigterm", " 15 "] {
            assert_eq!(Signal::parse(text), Some(Signal::TERM), "{text}");
        }
        for (text, number) in [("0", 0), ("SIG_DFL", 0), ("_ign", 1), ("34", 34), ("+1_5", 15), ("SIGRTMAX", 64)] {
            assert_eq!(Signal::parse(text).map(Signal::number), Some(number), "{text}");
        }
        for text in ["", "TERMINATE", "99", "32", "35", "63", "-1", "SIG", "SIGSIGTERM", "_15"] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_signal_without_a_name_shows_its_number() {
        assert_eq!(Signal::from_number(40).map(Signal::name).as_deref(), Some("signal 40"));
        assert_eq!(Signal::KILL.name(), "SIGKILL");
    }
}
