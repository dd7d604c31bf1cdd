//! A configuration of a seed: some programs, a group or two, a pool of listeners, with options that make trouble likely.

use std::sync::Arc;

use config::{
    Autorestart, Config, DaemonConfig, GroupConfig, GroupKind, KillMode, OutputConfig, PoolConfig, ProcessConfig,
    ResultHandler,
};
use model::{EventType, Signal};

use crate::rng::Rng;

fn output(events_enabled: bool) -> OutputConfig {
    OutputConfig { events_enabled, ..OutputConfig::default() }
}

const KILL_MODES: [KillMode; 3] = [KillMode::Process, KillMode::Group, KillMode::Tree];

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
        stopsignal: if rng.one_in(3) { Signal::INT } else { Signal::TERM },
        stopwaitsecs: below(rng, 4),
        stopasgroup: rng.one_in(2),
        killasgroup: true,
        killmode: rng.pick(&KILL_MODES).copied().unwrap_or_default(),
        on_fatal: if rng.one_in(8) { config::Ending::Restart } else { config::Ending::Ignore },
        redirect_stderr: rng.one_in(2),
        stdout: output(rng.one_in(2)),
        ..ProcessConfig::default()
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
    let daemon = DaemonConfig { identifier: "sim".into(), ..DaemonConfig::default() };
    Arc::new(Config { daemon, groups, ..Config::default() })
}
