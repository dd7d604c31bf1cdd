//! A configuration of a seed: some programs, a group or two, a pool of listeners, with options that make trouble likely.

use std::sync::Arc;

use config::{
    Autorestart, Config, DaemonConfig, DaemonLog, GroupConfig, GroupKind, LogTarget, OutputConfig, PoolConfig,
    ProcessConfig, ResultHandler,
};
use model::{EventType, Level, Signal};

use crate::rng::Rng;

const fn output(events_enabled: bool) -> OutputConfig {
    OutputConfig {
        logfile: LogTarget::Auto,
        maxbytes: 0,
        backups: 0,
        capture_maxbytes: 0,
        events_enabled,
        syslog: false,
    }
}

fn process(rng: &mut Rng, name: &str) -> ProcessConfig {
    let autorestart = [Autorestart::Always, Autorestart::Unexpected, Autorestart::Never];
    let below = |rng: &mut Rng, limit| i64::try_from(rng.below(limit)).unwrap_or(0);
    ProcessConfig {
        name: name.into(),
        command: format!("/bin/{name}"),
        priority: below(rng, 3),
        autostart: !rng.one_in(4),
        autorestart: rng.pick(&autorestart).copied().unwrap_or(Autorestart::Always),
        startsecs: below(rng, 3),
        startretries: below(rng, 4),
        exitcodes: vec![0],
        stopsignal: if rng.one_in(3) { Signal::INT } else { Signal::TERM },
        stopwaitsecs: below(rng, 4),
        stopasgroup: rng.one_in(2),
        killasgroup: true,
        killmode: config::KillMode::Process,
        on_exit: config::Ending::Ignore,
        on_fatal: if rng.one_in(8) { config::Ending::Restart } else { config::Ending::Ignore },
        user: None,
        directory: None,
        umask: None,
        environment: Vec::new(),
        serverurl: None,
        redirect_stderr: rng.one_in(2),
        stdout: output(rng.one_in(2)),
        stderr: output(false),
        socket: None,
        strip_ansi: false,
    }
}

fn group(rng: &mut Rng, name: &str, members: &[&str]) -> GroupConfig {
    let processes = members.iter().map(|member| Arc::new(process(rng, member))).collect();
    let priority = i64::try_from(rng.below(4)).unwrap_or(0);
    GroupConfig { name: name.into(), priority, kind: GroupKind::Programs, processes }
}

fn pool(rng: &mut Rng, name: &str) -> GroupConfig {
    let members: Vec<String> = (0..=rng.below(3)).map(|number| format!("{name}{number}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let all = [EventType::Event, EventType::ProcessState, EventType::RemoteCommunication, EventType::Tick5];
    let events = all.into_iter().filter(|_| rng.one_in(2)).chain([EventType::RemoteCommunication]).collect();
    let buffer_size = usize::try_from(1 + rng.below(8)).unwrap_or(1);
    let kind = GroupKind::Listeners(PoolConfig { buffer_size, events, result_handler: ResultHandler::Default });
    GroupConfig { kind, priority: -1, ..group(rng, name, &members) }
}

fn daemon() -> DaemonConfig {
    DaemonConfig {
        file: "/etc/supervisord.conf".into(),
        logfile: DaemonLog::None,
        logfile_maxbytes: 0,
        logfile_backups: 0,
        loglevel: Level::Info,
        pidfile: "/run/supervisord.pid".into(),
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
        identifier: "sim".into(),
        serverurl: None,
        statefile: None,
        orphans: config::Orphans::Adopt,
    }
}

/// A configuration. Called again it gives another one, some of whose groups are the same.
pub(crate) fn config(rng: &mut Rng, before: Option<&Config>) -> Arc<Config> {
    let makers: [fn(&mut Rng) -> GroupConfig; 6] = [
        |rng| pool(rng, "ear"),
        |rng| pool(rng, "eye"),
        |rng| group(rng, "a", &["a"]),
        |rng| group(rng, "b", &["b"]),
        |rng| group(rng, "pair", &["left", "right"]),
        |rng| group(rng, "many", &["m0", "m1", "m2", "m3"]),
    ];
    let mut groups = Vec::new();
    for make in makers {
        let fresh = Arc::new(make(rng));
        let old = before.and_then(|config| config.groups.iter().find(|group| group.name == fresh.name));
        match old {
            Some(old) if !rng.one_in(3) => groups.push(Arc::clone(old)),
            _ if rng.one_in(5) => {}
            _ => groups.push(fresh),
        }
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    Arc::new(Config { daemon: daemon(), servers: Vec::new(), groups, rpc_interfaces: Vec::new(), messages: Vec::new() })
}
