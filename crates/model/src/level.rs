//! Levels of the daemon's log.

use serde::{Deserialize, Serialize};

/// How grave a line of the daemon's log is (`loglevel=`); ordered from the least to the most grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Everything, down to single reads.
    Blather,
    /// Traces of the protocols.
    Trace,
    /// What a developer wants to know.
    Debug,
    /// What goes as it should.
    Info,
    /// What an operator may want to look at.
    Warn,
    /// What went wrong.
    Error,
    /// What needs somebody at once.
    Critical,
}

impl Level {
    /// All levels, the least grave first.
    pub const ALL: [Self; 7] =
        [Self::Blather, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical];

    /// The four letters in a line of the log.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Blather => "BLAT",
            Self::Trace => "TRAC",
            Self::Debug => "DEBG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERRO",
            Self::Critical => "CRIT",
        }
    }

    /// The level as a configuration names it: `info`, or the four letters, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "blather" | "blat" => Some(Self::Blather),
            "trace" | "trac" => Some(Self::Trace),
            "debug" | "debg" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" => Some(Self::Warn),
            "error" | "erro" => Some(Self::Error),
            "critical" | "crit" => Some(Self::Critical),
            _ => None,
        }
    }
}
