//! What the engine tells the world to do, in the imperative. The world does them in the order given.

use std::path::PathBuf;
use std::sync::Arc;

use config::{GroupConfig, ProcessConfig, SocketConfig};
use model::{Channel, Fault, Level, Signal, SupervisorState, Value};

use crate::input::{CallId, ProcessId, Ticket};

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Make a group's AUTO log files. Answer: `Input::GroupPrepared`.
    PrepareGroup {
        /// For the answer.
        ticket: Ticket,
        /// Which.
        group: Arc<GroupConfig>,
    },
    /// A group was removed: let go of what was kept for its processes.
    ForgetGroup {
        /// Its name.
        group: String,
        /// Its processes, all stopped.
        processes: Vec<ProcessId>,
    },
    /// See whether a command can be run. Answer: `Input::CommandChecked`.
    CheckCommand {
        /// For the answer.
        ticket: Ticket,
        /// Of which process.
        config: Arc<ProcessConfig>,
    },
    /// Start a child. Answer: `Input::Spawned` or `Input::SpawnFailed`.
    Spawn(SpawnOrder),
    /// Send a signal. No answer, but `Input::SignalFailed`.
    Signal {
        /// To which.
        process: ProcessId,
        /// Its process id.
        pid: u32,
        /// Which.
        signal: Signal,
        /// To its process group rather than to it alone; with `killmode=tree`, to all of its descendants.
        to_group: bool,
    },
    /// Hand what is left in a dead child's pipes to its sinks, then let go of the pipes. Answer: `Input::Drained`, soon.
    Drain {
        /// Which.
        process: ProcessId,
    },
    /// Write to a child's stdin, without ever waiting for the child.
    WriteStdin {
        /// Which.
        process: ProcessId,
        /// What.
        data: Vec<u8>,
        /// With a call: answer `Input::StdinTaken`. Without (an event): `Input::StdinClosed` if it cannot be.
        call: Option<CallId>,
    },
    /// Answer a client's call.
    Reply {
        /// Which.
        call: CallId,
        /// With what.
        answer: Answer,
    },
    /// Write a line of the daemon's log (dropped if less grave than `loglevel`).
    Log {
        /// How grave.
        level: Level,
        /// The words, without time and level.
        text: String,
    },
    /// Write to the daemon's stdout (`result_handler=supervisor_stdout:event_handler`).
    Print {
        /// The bytes.
        data: Vec<u8>,
    },
    /// Read the configuration again. Answer: `Input::ConfigRead`.
    ReadConfig {
        /// For the answer.
        ticket: Ticket,
    },
    /// Empty a process' logs. Answer: `Input::LogsCleared`.
    ClearLogs {
        /// For the answer.
        ticket: Ticket,
        /// Whose.
        process: ProcessId,
    },
    /// Remove the daemon's log and open it anew. Answer: `Input::LogsCleared`.
    ClearMainLog {
        /// For the answer.
        ticket: Ticket,
    },
    /// Close and open all logs again (SIGUSR2).
    ReopenLogs,
    /// Hand all state over to the program that stands at the daemon's path now. Answer: `Input::UpgradeRefused`, or the
    /// successor's `Input::Upgraded`.
    Upgrade {
        /// Who asks, unless it was a signal.
        call: Option<CallId>,
    },
    /// Everything has stopped: end, or begin anew.
    Finish {
        /// `Shutdown` or `Restarting`.
        mood: SupervisorState,
    },
}

/// All that is needed to start a child.
#[derive(Clone, Debug)]
pub struct SpawnOrder {
    /// Which.
    pub process: ProcessId,
    /// Its group's name.
    pub group: String,
    /// How.
    pub config: Arc<ProcessConfig>,
    /// Its log files, AUTO resolved; `None` where it has none.
    pub logs: [Option<PathBuf>; 2],
    /// It is an event listener: its stdout comes back as `Input::ListenerSaid` (and goes to its log).
    pub listener: bool,
    /// Its stdin is this socket, shared in the group.
    pub socket: Option<SocketConfig>,
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A value.
    Value(Value),
    /// A value that several calls are given: as long as it is the same `Arc`, nothing in it has changed.
    Shared(Arc<Value>),
    /// A fault.
    Fault(Fault),
    /// The value is to be read from a log file, by whoever may wait for a disk.
    Read(LogRead),
    /// To `Request::LogPath`.
    Path(PathBuf),
    /// To `Request::Overview`.
    Overview(Overview),
}

/// What to read from a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// The file; `None` where there is none (fault NO_FILE, or an empty tail).
    pub path: Option<PathBuf>,
    /// As the client gave it.
    pub offset: i64,
    /// As the client gave it.
    pub length: i64,
    /// `tailProcess…Log` (a triple) rather than `read…Log` (a string).
    pub tail: bool,
}

/// All that a page about all programs shows.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The daemon's name.
    pub identifier: String,
    /// Processes in lexical order of group and name.
    pub processes: Vec<ProcessOverview>,
}

/// One row of a page.
#[derive(Clone, Debug)]
pub struct ProcessOverview {
    /// Its group's name.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: model::ProcessState,
    /// As in `supervisorctl status`.
    pub description: String,
    /// Its process id, while it has one.
    pub pid: Option<u32>,
    /// Seconds since 1970 of its last start; 0 if never.
    pub start: i64,
    /// Its log files.
    pub logs: [Option<PathBuf>; 2],
}

impl ProcessOverview {
    /// The log file of a channel.
    #[must_use]
    pub fn log(&self, channel: Channel) -> Option<&PathBuf> {
        self.logs[usize::from(channel == Channel::Stderr)].as_ref()
    }
}
