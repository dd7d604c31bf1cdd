//! What a configuration means, once it is read: plain typed data that the engine and the daemon work from.
//!
//! Deliberately absent: how it is written (that is `ini`, `tables`, `expand`), and anything that changes while running.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use model::{EventType, Level, Signal};
use serde::{Deserialize, Serialize};

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `[supervisord]`.
    pub daemon: DaemonConfig,
    /// `[inet_http_server]` then `[unix_http_server]` sections, in the order of the file.
    pub servers: Vec<ServerConfig>,
    /// Groups by priority, then name (ASCII order).
    pub groups: Vec<Arc<GroupConfig>>,
    /// The `[rpcinterface:x]` sections whose factory is known (`supervisor`).
    pub rpc_interfaces: Vec<String>,
    /// What the daemon logs at its start, in order, in the reference's words.
    pub messages: Vec<Message>,
}

/// A line for the daemon's log that reading the configuration gave rise to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// CRIT, WARN or INFO.
    pub level: Level,
    /// The words.
    pub text: String,
}

/// `[supervisord]`, with the command-line flags applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonConfig {
    /// The file it was read from, absolute.
    pub file: PathBuf,
    /// `logfile=`; `None` for `NONE`.
    pub logfile: DaemonLog,
    /// Bytes at which the log is rotated; 0 never.
    pub logfile_maxbytes: u64,
    /// Old logs that are kept.
    pub logfile_backups: u32,
    /// The least grave level that is logged.
    pub loglevel: Level,
    /// Absolute.
    pub pidfile: PathBuf,
    /// Absolute; `None` for `NONE`.
    pub statefile: Option<PathBuf>,
    /// What becomes of the programs of a daemon that has died.
    pub orphans: Orphans,
    /// Octal in the file.
    pub umask: u32,
    /// Run in the foreground.
    pub nodaemon: bool,
    /// No log to stdout in the foreground.
    pub silent: bool,
    /// Descriptors that must be available.
    pub minfds: u64,
    /// Processes that must be available.
    pub minprocs: u64,
    /// Leave old AUTO logs where they are.
    pub nocleanup: bool,
    /// Where AUTO logs go.
    pub childlogdir: PathBuf,
    /// The user to become, resolved.
    pub user: Option<UserId>,
    /// Directory to change to when daemonizing.
    pub directory: Option<PathBuf>,
    /// Strip ANSI sequences from child logs.
    pub strip_ansi: bool,
    /// `environment=`, for all programs.
    pub environment: Vec<(String, String)>,
    /// The name of this daemon for clients and listeners.
    pub identifier: String,
    /// What children get as SUPERVISOR_SERVER_URL unless they have a `serverurl` of their own.
    pub serverurl: Option<String>,
}

/// `orphans=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Orphans {
    /// Go on with them.
    #[default]
    Adopt,
    /// End them, then start anew.
    Kill,
    /// Leave them alone.
    Ignore,
}

/// Where the daemon's own log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DaemonLog {
    /// An absolute path (a pipe or terminal such as /dev/stdout included).
    File(PathBuf),
    /// To syslog.
    Syslog,
    /// Nowhere.
    None,
}

/// A user that is known by number, and by name where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserId {
    /// The number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its name, if the number has a passwd entry: its supplementary groups are found by it.
    pub name: Option<String>,
}

/// A server for clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerConfig {
    /// Section as written, for messages.
    pub section: String,
    /// Where it listens.
    pub address: ServerAddress,
    /// Name and password (`{SHA}` hex or plain) that clients must show.
    pub credentials: Option<(String, String)>,
    /// `allow_users=`: the numbers of users who need none.
    pub allow_users: Vec<u32>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ServerAddress {
    /// `[inet_http_server]`: the host (empty: all addresses) and port.
    Tcp {
        /// Host name or address; empty for all.
        host: String,
        /// Port.
        port: u16,
    },
    /// `[unix_http_server]`.
    Unix {
        /// Absolute.
        file: PathBuf,
        /// Mode of the socket file.
        chmod: u32,
        /// Owner of the socket file; `u32::MAX` leaves that number as it is.
        chown: Option<(u32, u32)>,
    },
}

/// A group: programs that are named, started and stopped together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupConfig {
    /// Its name.
    pub name: String,
    /// Lower starts first and stops last.
    pub priority: i64,
    /// What is special about it.
    pub kind: GroupKind,
    /// Those of a program by priority, then name; the programs of a group in the order of `programs=`.
    pub processes: Vec<Arc<ProcessConfig>>,
}

/// What kind of group it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum GroupKind {
    /// `[program:x]` and `[group:x]`.
    Programs,
    /// `[eventlistener:x]`.
    Listeners(PoolConfig),
    /// `[fcgi-program:x]`.
    FastCgi(SocketConfig),
}

/// What is special about a pool of event listeners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolConfig {
    /// Events that may wait.
    pub buffer_size: usize,
    /// The subscriptions, abstract ones as written.
    pub events: BTreeSet<EventType>,
    /// What decides whether a result is good.
    pub result_handler: ResultHandler,
}

/// What decides whether a listener's result accepts the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultHandler {
    /// `supervisor.dispatchers:default_handler`: exactly `OK` is good.
    Default,
    /// `supervisor_stdout:event_handler`: the result is text for the daemon's stdout; always good.
    SupervisorStdout,
}

/// The socket of an `[fcgi-program:x]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketConfig {
    /// Where.
    pub address: SocketAddress,
    /// `socket_backlog=`.
    pub backlog: Option<u32>,
}

/// Where a FastCGI socket listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SocketAddress {
    /// `tcp://host:port`.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `unix:///path`.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// `socket_owner=`, or the program's user; `u32::MAX` leaves that number as it is.
        owner: Option<(u32, u32)>,
        /// `socket_mode=`, 0700 by default.
        mode: u32,
    },
}

/// One supervised process: a program, or one of its `numprocs` copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessConfig {
    /// `process_name=`, expanded.
    pub name: String,
    /// `command=`, expanded, not yet split.
    pub command: String,
    /// `priority=`.
    pub priority: i64,
    /// `autostart=`.
    pub autostart: bool,
    /// `autorestart=`.
    pub autorestart: Autorestart,
    /// Seconds it must stay up.
    pub startsecs: i64,
    /// Failed starts that are tried again.
    pub startretries: i64,
    /// Codes that are expected.
    pub exitcodes: Vec<i64>,
    /// The signal that asks it to end.
    pub stopsignal: Signal,
    /// Seconds until SIGKILL.
    pub stopwaitsecs: i64,
    /// The stop signal goes to its process group.
    pub stopasgroup: bool,
    /// SIGKILL goes to its process group.
    pub killasgroup: bool,
    /// `killmode=`: whom its signals reach when it is stopped.
    #[serde(default)]
    pub killmode: KillMode,
    /// `on_exit=`, or `essential=`: what follows an end after which it is not started again.
    #[serde(default)]
    pub on_exit: Ending,
    /// `on_fatal=`, or `essential=`: what follows FATAL.
    #[serde(default)]
    pub on_fatal: Ending,
    /// `user=`, resolved.
    pub user: Option<UserId>,
    /// `directory=`, expanded.
    pub directory: Option<String>,
    /// `umask=`.
    pub umask: Option<u32>,
    /// `environment=` of `[supervisord]` and of the program, later ones win; in order.
    pub environment: Vec<(String, String)>,
    /// `serverurl=`; `None` for AUTO.
    pub serverurl: Option<String>,
    /// stderr goes where stdout goes.
    pub redirect_stderr: bool,
    /// Where stdout goes.
    pub stdout: OutputConfig,
    /// Where stderr goes.
    pub stderr: OutputConfig,
    /// Its stdin, shared with the other copies, where an `[fcgi-program:x]` is a member of a `[group:x]`.
    pub socket: Option<Arc<SocketConfig>>,
    /// `[supervisord] strip_ansi=`, here because the log path needs it per sink.
    pub strip_ansi: bool,
}

/// Whom the signals that stop a process reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KillMode {
    /// It alone, or its process group as `stopasgroup` and `killasgroup` say.
    #[default]
    Process,
    /// Its process group.
    Group,
    /// It and all of its descendants, those that left its process group or its session too.
    Tree,
    /// All in a control group of its own, which no descendant leaves.
    Cgroup,
}

/// What follows when a process has ended for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Nothing.
    #[default]
    Ignore,
    /// It is tried again, after pauses that grow.
    Restart,
    /// The daemon shuts down with the status of the process.
    Shutdown,
}

/// What happens to one channel's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputConfig {
    /// `…_logfile=`.
    pub logfile: LogTarget,
    /// Bytes at which it is rotated; 0 never.
    pub maxbytes: u64,
    /// Old files that are kept; 0 truncates.
    pub backups: u32,
    /// `…_capture_maxbytes=`; 0 is off.
    pub capture_maxbytes: u64,
    /// PROCESS_LOG events.
    pub events_enabled: bool,
    /// Also to syslog.
    pub syslog: bool,
}

/// Where a channel's output is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogTarget {
    /// A file of the daemon's choice in `childlogdir`, removed at the next start.
    Auto,
    /// This path, as expanded.
    File(PathBuf),
    /// Nowhere.
    None,
}

/// `autorestart=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Autorestart {
    /// `false`.
    Never,
    /// `true`.
    Always,
    /// `unexpected`: when the exit code is not among `exitcodes`.
    Unexpected,
}
