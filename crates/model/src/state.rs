//! States of processes, of event listeners and of the daemon, with the codes and names of the XML-RPC interface.

use serde::{Deserialize, Serialize};

/// The state of a supervised process (Supervisor manual, «Process States»).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProcessState {
    /// Stopped by an operator, or never started.
    Stopped,
    /// Started, and not yet up for `startsecs`.
    Starting,
    /// Up for longer than `startsecs`.
    Running,
    /// Ended before `startsecs`; to be started again after a pause.
    Backoff,
    /// Told to stop, and not yet gone.
    Stopping,
    /// Ended after it had been RUNNING.
    Exited,
    /// Could not be started within `startretries`.
    Fatal,
    /// The supervisor no longer knows (a broken invariant, or a signal that could not be sent).
    Unknown,
}

impl ProcessState {
    /// All states, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Unknown,
    ];

    /// The code that the XML-RPC interface gives it.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
            Self::Unknown => 1000,
        }
    }

    /// The name that the XML-RPC interface and `supervisorctl status` show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The state with this code.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Nothing runs and nothing will by itself, save for an autorestart: STOPPED, EXITED, FATAL, UNKNOWN.
    #[must_use]
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited | Self::Fatal | Self::Unknown)
    }

    /// What `start` calls «already started» and `stop` can stop: RUNNING, BACKOFF, STARTING.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Backoff | Self::Starting)
    }

    /// A signal can be sent: RUNNING, STARTING, STOPPING.
    #[must_use]
    pub const fn is_signallable(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Stopping)
    }
}

/// The state of the daemon itself (`getState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SupervisorState {
    /// It failed. The reference names this state and never enters it.
    Fatal,
    /// It works.
    Running,
    /// It stops its programs to start anew with a freshly read configuration.
    Restarting,
    /// It stops its programs to end.
    Shutdown,
}

impl SupervisorState {
    /// The code that the XML-RPC interface gives it.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Fatal => 2,
            Self::Running => 1,
            Self::Restarting => 0,
            Self::Shutdown => -1,
        }
    }

    /// The name that the XML-RPC interface gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fatal => "FATAL",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// Where an event listener is in its conversation (Supervisor manual, «Event Listener States»).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerState {
    /// Started, or done with an event: a `READY` is awaited.
    Acknowledged,
    /// It can be sent an event.
    Ready,
    /// It has an event in hand: a `RESULT` is awaited.
    Busy,
    /// It broke the protocol and is sent nothing more.
    Unknown,
}

impl ListenerState {
    /// The name used in the daemon's log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Ready => "READY",
            Self::Busy => "BUSY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessState;

    #[test]
    fn codes_and_names_lead_back_to_their_state() {
        for state in ProcessState::ALL {
            assert_eq!(ProcessState::from_code(state.code()), Some(state));
            assert_eq!(ProcessState::from_name(state.name()), Some(state));
        }
        assert_eq!(ProcessState::from_code(11), None);
    }

    #[test]
    fn stopping_is_neither_running_nor_stopped() {
        assert!(!ProcessState::Stopping.is_running() && !ProcessState::Stopping.is_stopped());
        assert!(ProcessState::Stopping.is_signallable() && !ProcessState::Backoff.is_signallable());
    }
}
