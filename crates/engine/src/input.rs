//! Facts that the world tells the engine, in the past tense.

use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use model::{Channel, ExitStatus, Signal, Value};
use serde::{Deserialize, Serialize};

/// A supervised process for as long as its group is active; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId(pub u32);

/// A client's call that gets exactly one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// A question of the engine's to the world that gets exactly one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The daemon serves its clients: from here on programs are started.
    Started,
    /// Answer to `Action::PrepareGroup`: its AUTO log files exist.
    GroupPrepared {
        /// Of the action.
        ticket: Ticket,
        /// The files made, one for each AUTO channel.
        logs: Vec<AutoLog>,
    },
    /// Answer to `Action::CheckCommand`: the command can be run, as far as one can tell without running it.
    CommandChecked {
        /// Of the action.
        ticket: Ticket,
        /// Or why not.
        result: Result<(), CommandError>,
    },
    /// Answer to `Action::Spawn`: the child exists.
    Spawned {
        /// Which.
        process: ProcessId,
        /// Its process id.
        pid: u32,
    },
    /// Answer to `Action::Spawn`: there is no child.
    SpawnFailed {
        /// Which.
        process: ProcessId,
        /// Why.
        error: SpawnError,
    },
    /// A child's end was told by the kernel. Its last output may still be on the way: the engine asks for it with
    /// `Action::Drain` and changes the state when that is answered.
    Reaped {
        /// Which.
        process: ProcessId,
        /// How it ended.
        status: ExitStatus,
    },
    /// A process ended that was none of ours (an adopted orphan).
    StrangerReaped {
        /// Its process id.
        pid: u32,
        /// How it ended.
        status: ExitStatus,
    },
    /// Answer to `Action::Drain`: what was in the pipes has been handed to the sinks (or the world gave up waiting).
    Drained {
        /// Which.
        process: ProcessId,
    },
    /// A signal could not be sent, for another reason than that the process has just gone.
    SignalFailed {
        /// Which.
        process: ProcessId,
        /// What errno(3) says, such as `EPERM`.
        error: String,
    },
    /// Output of a program with `…_events_enabled`.
    Output {
        /// Which.
        process: ProcessId,
        /// On which channel.
        channel: Channel,
        /// The bytes, as logged.
        data: Vec<u8>,
    },
    /// What a program wrote between the communication tokens.
    Captured {
        /// Which.
        process: ProcessId,
        /// On which channel.
        channel: Channel,
        /// The bytes, at most `…_capture_maxbytes` (the last ones).
        data: Vec<u8>,
    },
    /// An event listener wrote to its stdout.
    ListenerSaid {
        /// Which.
        process: ProcessId,
        /// The bytes.
        data: Vec<u8>,
    },
    /// Answer to an `Action::WriteStdin` that has a call: true if the bytes were taken, false if the pipe is closed.
    StdinTaken {
        /// The call of the action.
        call: CallId,
        /// Whether.
        taken: bool,
    },
    /// A listener's stdin was found closed when an event was written to it.
    StdinClosed {
        /// Which.
        process: ProcessId,
    },
    /// A client asks.
    Called {
        /// To reply to.
        call: CallId,
        /// What.
        request: Request,
    },
    /// A client has gone; its call needs no reply.
    HungUp {
        /// Which.
        call: CallId,
    },
    /// The daemon was sent a signal.
    Signalled(DaemonSignal),
    /// Answer to `Action::ReadConfig`.
    ConfigRead {
        /// Of the action.
        ticket: Ticket,
        /// The configuration, or why it cannot be read (the text of the CANT_REREAD fault).
        result: Result<Arc<Config>, String>,
    },
    /// Answer to `Action::ClearLogs` and `Action::ClearMainLog`.
    LogsCleared {
        /// Of the action.
        ticket: Ticket,
        /// `Err` with why it failed; `NoFile` where there is no such log.
        result: Result<(), ClearError>,
    },
    /// Answer to `Action::Upgrade`: nothing has changed.
    UpgradeRefused {
        /// Who asked, beside signals.
        calls: Vec<CallId>,
        /// Why.
        reason: String,
    },
    /// The first input of an engine that was taken up (`Engine::take_up`) by the successor of the daemon that was asked.
    Upgraded {
        /// Who asked, beside signals.
        calls: Vec<CallId>,
        /// The version of the daemon before.
        from: String,
        /// That of this one.
        to: String,
    },
    /// A deadline that `Engine::due` told has passed.
    Due,
}

/// Why a log could not be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearError {
    /// There is none.
    NoFile,
    /// It could not be removed or opened again.
    Failed,
}

/// An AUTO log file that was made for a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoLog {
    /// The process, by its name in the group.
    pub process: String,
    /// Of which channel.
    pub channel: Channel,
    /// Where.
    pub path: PathBuf,
}

/// What a client asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A method of the XML-RPC interface (`system.multicall` excepted: the front makes single calls of it).
    Method {
        /// `supervisor.startProcess`.
        name: String,
        /// As sent.
        params: Vec<Value>,
    },
    /// Where a program's log is, for `/logtail/NAME/CHANNEL`.
    LogPath {
        /// As in the address.
        name: String,
        /// Of which channel.
        channel: Channel,
    },
    /// All that a page about all programs shows.
    Overview,
}

/// Why a command cannot be run, found without running it. The texts are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandError {
    /// `can't find command 'x'`.
    NotFound(String),
    /// `command at 'x' is not executable`, or a folder.
    NotExecutable(String),
    /// `command at 'x' is not readable`/no permission.
    NoPermission(String),
    /// It is empty or cannot be split.
    Bad(String),
}

impl CommandError {
    /// The text, as in `spawnerr`.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::NotFound(text) | Self::NotExecutable(text) | Self::NoPermission(text) | Self::Bad(text) => text,
        }
    }
}

/// Why there is no child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpawnError {
    /// The command cannot be run.
    Command(CommandError),
    /// Anything else, in the words of `spawnerr`: `too many open files to spawn 'x'`,
    /// `unknown error making dispatchers for 'x': EISDIR`, `Too many processes in process table to spawn 'x'`.
    Other(String),
}

impl SpawnError {
    /// The text, as in `spawnerr`.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Command(error) => error.text(),
            Self::Other(text) => text,
        }
    }
}

/// A signal to the daemon that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DaemonSignal {
    /// SIGTERM, SIGINT, SIGQUIT: end.
    Exit(Signal),
    /// SIGHUP: stop all, read the configuration again, start.
    Restart,
    /// SIGUSR2: reopen the logs.
    ReopenLogs,
    /// SIGUSR1: hand over to the program that is there now.
    Upgrade,
    /// SIGCHLD: only logged, at level debug.
    Child,
}
