//! What an empty section means, as plain data: where a configuration is made by hand (tests, benches, the simulation, fuzz
//! targets), only what matters there is written, and a new directive does not touch every such place.
//!
//! The reader does not use it, since the tables say the same and more; a test holds the two together. Paths are those of a
//! daemon that is started in `/`. Deliberately absent: a name and a command, which have no default.

use model::{Level, Signal};

use crate::types::{Autorestart, Config, DaemonConfig, DaemonLog, Ending, KillMode, LogTarget, Orphans};
use crate::types::{OutputConfig, ProcessConfig};

/// Bytes at which a log is rotated.
const MAXBYTES: u64 = 50 * 1024 * 1024;
/// Old logs that are kept.
const BACKUPS: u32 = 10;

impl Default for Config {
    /// Of a file that has `[supervisord]` and `[rpcinterface:supervisor]`, with nothing in them.
    fn default() -> Self {
        Self {
            daemon: DaemonConfig::default(),
            servers: Vec::new(),
            groups: Vec::new(),
            rpc_interfaces: vec!["supervisor".into()],
            messages: Vec::new(),
        }
    }
}

impl Default for DaemonConfig {
    /// Of an empty `[supervisord]` in /etc/supervisord.conf.
    fn default() -> Self {
        Self {
            file: "/etc/supervisord.conf".into(),
            logfile: DaemonLog::File("/supervisord.log".into()),
            logfile_maxbytes: MAXBYTES,
            logfile_backups: BACKUPS,
            loglevel: Level::Info,
            pidfile: "/supervisord.pid".into(),
            statefile: Some("/supervisord.pid.state".into()),
            orphans: Orphans::Adopt,
            umask: 0o22,
            nodaemon: false,
            silent: false,
            minfds: 1024,
            minprocs: 200,
            nocleanup: false,
            childlogdir: "/tmp".into(),
            user: None,
            directory: None,
            strip_ansi: false,
            environment: Vec::new(),
            identifier: "supervisor".into(),
            serverurl: None,
        }
    }
}

impl Default for ProcessConfig {
    /// Of a `[program:x]` that says nothing but its command, which is empty here, and so is the name.
    fn default() -> Self {
        Self {
            name: String::new(),
            command: String::new(),
            priority: 999,
            autostart: true,
            autorestart: Autorestart::Unexpected,
            startsecs: 1,
            startretries: 3,
            exitcodes: vec![0],
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            stopasgroup: false,
            killasgroup: false,
            killmode: KillMode::Process,
            on_exit: Ending::Ignore,
            on_fatal: Ending::Ignore,
            user: None,
            directory: None,
            umask: None,
            environment: Vec::new(),
            serverurl: None,
            redirect_stderr: false,
            stdout: OutputConfig::default(),
            stderr: OutputConfig::default(),
            socket: None,
            strip_ansi: false,
        }
    }
}

impl Default for OutputConfig {
    /// Of a channel of which nothing is said.
    fn default() -> Self {
        Self {
            logfile: LogTarget::Auto,
            maxbytes: MAXBYTES,
            backups: BACKUPS,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
        }
    }
}
