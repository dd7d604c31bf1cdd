//! Configurations for the tests, made by hand: the engine sees them only as read.

use std::path::PathBuf;
use std::sync::Arc;

use config::{
    Autorestart, Config, DaemonConfig, DaemonLog, GroupConfig, GroupKind, LogTarget, OutputConfig, PoolConfig,
    ProcessConfig, ResultHandler,
};
use model::{EventType, Level, Signal};

fn output() -> OutputConfig {
    OutputConfig {
        logfile: LogTarget::None,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled: false,
        syslog: false,
    }
}

/// A program with the defaults of the manual.
pub fn process(name: &str) -> ProcessConfig {
    ProcessConfig {
        name: name.into(),
        command: format!("/bin/{name}"),
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
        killmode: config::KillMode::Process,
        on_exit: config::Ending::Ignore,
        on_fatal: config::Ending::Ignore,
        user: None,
        directory: None,
        umask: None,
        environment: Vec::new(),
        serverurl: None,
        redirect_stderr: false,
        stdout: output(),
        stderr: output(),
        socket: None,
        strip_ansi: false,
    }
}

/// A group of programs.
pub fn group(name: &str, priority: i64, processes: Vec<ProcessConfig>) -> GroupConfig {
    GroupConfig {
        name: name.into(),
        priority,
        kind: GroupKind::Programs,
        processes: processes.into_iter().map(Arc::new).collect(),
    }
}

/// A program in a group of its own, with changes.
pub fn program(name: &str, change: impl FnOnce(&mut ProcessConfig)) -> GroupConfig {
    let mut config = process(name);
    change(&mut config);
    group(name, config.priority, vec![config])
}

/// A group of so many listeners, without `startsecs`.
pub fn listeners(name: &str, count: usize, events: &[EventType], buffer_size: usize) -> GroupConfig {
    let names = (0..count).map(|number| if count == 1 { name.to_owned() } else { format!("{name}{number}") });
    let processes = names.map(|name| ProcessConfig { startsecs: 0, ..process(&name) }).collect();
    let pool =
        PoolConfig { buffer_size, events: events.iter().copied().collect(), result_handler: ResultHandler::Default };
    GroupConfig { kind: GroupKind::Listeners(pool), ..group(name, -1, processes) }
}

/// A configuration of these groups, in their order by priority and name.
pub fn config(mut groups: Vec<GroupConfig>) -> Arc<Config> {
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    Arc::new(Config {
        daemon: DaemonConfig {
            file: PathBuf::from("/etc/supervisord.conf"),
            logfile: DaemonLog::File("/var/log/main.log".into()),
            logfile_maxbytes: 0,
            logfile_backups: 0,
            loglevel: Level::Info,
            pidfile: "/run/supervisord.pid".into(),
            statefile: None,
            orphans: config::Orphans::Adopt,
            umask: 0o22,
            nodaemon: true,
            silent: true,
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
        },
        servers: Vec::new(),
        groups: groups.into_iter().map(Arc::new).collect(),
        rpc_interfaces: vec!["supervisor".into()],
        messages: Vec::new(),
    })
}
