//! How a process ended, in the words of the daemon's log.

use serde::{Deserialize, Serialize};

use crate::Signal;

/// What wait(2) told about the end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It called exit(2) with this status.
    Exited(u8),
    /// A signal ended it.
    Signaled {
        /// Which.
        signal: Signal,
        /// A core was dumped.
        core: bool,
    },
    /// It is gone and nobody could ask how (an adopted process on a kernel that does not tell).
    Unknown,
}

impl ExitStatus {
    /// The number that `exitcodes` is compared with and that `getProcessInfo` shows: −1 after a signal.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Exited(code) => code as i64,
            Self::Signaled { .. } | Self::Unknown => -1,
        }
    }

    /// The words of the log: `exit status 1`, `terminated by SIGKILL (core dumped)`.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Exited(code) => format!("exit status {code}"),
            Self::Signaled { signal, core } => {
                format!("terminated by {}{}", signal.name(), if core { " (core dumped)" } else { "" })
            }
            Self::Unknown => "exit status unknown".into(),
        }
    }
}
