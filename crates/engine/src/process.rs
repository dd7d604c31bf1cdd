//! One supervised process: what it is configured to be, and its state with the data that belongs to that state.
//!
//! A process id while STOPPED cannot be written down here. How states follow each other is in `lifecycle`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::ProcessConfig;
use model::{ExitStatus, Moment, ProcessState, Signal, WallTime};
use serde::{Deserialize, Serialize};

use crate::calls::Waiter;
use crate::input::ProcessId;
use crate::listener::Listener;

/// A child of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its process id.
    pub pid: u32,
    /// Set when the kernel has told its end: its last output is still on the way.
    pub gone: Option<Gone>,
}

/// The end of a child whose last output is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// How it ended.
    pub status: ExitStatus,
    /// When that was told.
    pub at: Moment,
    /// When to go on without its last output.
    pub until: Moment,
}

/// What a client asked for while the world was still making the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Stop it.
    Stop,
    /// Send it a signal.
    Signal(Signal),
}

/// Where a process is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Stopped by an operator, or never started.
    Stopped,
    /// STARTING: the world was asked for a child and has not answered yet.
    Spawning {
        /// To be done as soon as there is a child.
        then: Vec<Then>,
    },
    /// STARTING: the child exists and has not been up for `startsecs`.
    Starting {
        /// The child.
        child: Child,
        /// When it will have been up for longer than `startsecs`.
        up_at: Moment,
    },
    /// It has stayed up.
    Running {
        /// The child.
        child: Child,
    },
    /// It did not stay up; it is tried again.
    Backoff {
        /// When.
        until: Moment,
    },
    /// Told to stop, and not yet gone.
    Stopping {
        /// The child.
        child: Child,
        /// When to send SIGKILL (again).
        kill_at: Moment,
    },
    /// It ended by itself.
    Exited {
        /// When it is started again, if it is.
        again: Option<Moment>,
    },
    /// It could not be started within `startretries`.
    Fatal,
    /// A signal could not be sent, or an invariant was broken.
    Unknown {
        /// The child that may still live.
        child: Option<Child>,
    },
}

impl State {
    /// The state that clients see.
    pub const fn word(&self) -> ProcessState {
        match self {
            Self::Stopped => ProcessState::Stopped,
            Self::Spawning { .. } | Self::Starting { .. } => ProcessState::Starting,
            Self::Running { .. } => ProcessState::Running,
            Self::Backoff { .. } => ProcessState::Backoff,
            Self::Stopping { .. } => ProcessState::Stopping,
            Self::Exited { .. } => ProcessState::Exited,
            Self::Fatal => ProcessState::Fatal,
            Self::Unknown { .. } => ProcessState::Unknown,
        }
    }

    /// The child, dead or alive, whose end has not been dealt with.
    pub const fn child(&self) -> Option<&Child> {
        match self {
            Self::Starting { child, .. } | Self::Running { child } | Self::Stopping { child, .. } => Some(child),
            Self::Unknown { child } => child.as_ref(),
            Self::Stopped | Self::Spawning { .. } | Self::Backoff { .. } | Self::Exited { .. } | Self::Fatal => None,
        }
    }

    /// The same, to note its end.
    pub const fn child_mut(&mut self) -> Option<&mut Child> {
        match self {
            Self::Starting { child, .. } | Self::Running { child } | Self::Stopping { child, .. } => Some(child),
            Self::Unknown { child } => child.as_mut(),
            Self::Stopped | Self::Spawning { .. } | Self::Backoff { .. } | Self::Exited { .. } | Self::Fatal => None,
        }
    }

    /// When this state ends by itself, or its wait for the last output does.
    pub fn deadline(&self) -> Option<Moment> {
        if let Some(Child { gone: Some(gone), .. }) = self.child() {
            return Some(gone.until);
        }
        match self {
            Self::Starting { up_at, .. } => Some(*up_at),
            Self::Backoff { until } => Some(*until),
            Self::Stopping { kill_at, .. } => Some(*kill_at),
            Self::Exited { again } => *again,
            Self::Stopped | Self::Spawning { .. } | Self::Running { .. } | Self::Fatal | Self::Unknown { .. } => None,
        }
    }
}

/// When a process was last started, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// For deadlines and the uptime.
    pub at: Moment,
    /// For people.
    pub wall: WallTime,
}

/// A process and its state.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    pub(crate) group: Arc<str>,
    pub(crate) config: Arc<ProcessConfig>,
    /// The log files, AUTO resolved.
    pub(crate) logs: [Option<PathBuf>; 2],
    pub(crate) state: State,
    /// Starts in a row that failed (`tries` of the events).
    pub(crate) tries: i64,
    pub(crate) started: Option<Started>,
    /// When its last end was dealt with; 1970 if never.
    pub(crate) stopped: WallTime,
    pub(crate) exitstatus: Option<i64>,
    pub(crate) spawnerr: Option<String>,
    /// When the world answered the last `Action::Spawn`: results of that moment count as immediate.
    pub(crate) answered: Moment,
    /// How its last child ended, if it has had one.
    pub(crate) ended: Option<ExitStatus>,
    /// Pauses in a row that `on_exit=restart` or `on_fatal=restart` has made: each is longer.
    pub(crate) pauses: u32,
    /// When a FATAL process is tried again, if it is.
    pub(crate) revival: Option<Moment>,
    /// Its conversation, if it is an event listener.
    pub(crate) listener: Option<Listener>,
    /// The calls that wait for a state of it.
    pub(crate) waiters: Vec<Waiter>,
}

impl Process {
    /// Its process id, 0 while it has none: the number that clients and listeners see.
    pub(crate) fn pid(&self) -> u32 {
        self.state.child().map_or(0, |child| child.pid)
    }

    /// The child that can be sent signals and input.
    pub(crate) fn live_pid(&self) -> Option<u32> {
        self.state.child().filter(|child| child.gone.is_none()).map(|child| child.pid)
    }

    /// The state that clients see.
    pub(crate) const fn word(&self) -> ProcessState {
        self.state.word()
    }

    /// Its name in faults and results: `web`, or `group:web` where the two differ.
    pub(crate) fn namespec(&self) -> String {
        model::namespec(&self.group, &self.config.name)
    }

    /// How long it has been up at `now`.
    pub(crate) fn uptime(&self, now: Moment) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now.since(started.at))
    }
}
