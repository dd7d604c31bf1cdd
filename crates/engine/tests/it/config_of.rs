//! Configurations for the tests, made by hand: the engine sees them only as read.

use std::sync::Arc;

use config::{
    Config, DaemonConfig, DaemonLog, GroupConfig, GroupKind, LogTarget, OutputConfig, PoolConfig, ProcessConfig,
    ResultHandler,
};
use model::EventType;

/// Nothing is logged.
fn output() -> OutputConfig {
    OutputConfig { logfile: LogTarget::None, ..OutputConfig::default() }
}

/// A program with the defaults of the manual.
pub fn process(name: &str) -> ProcessConfig {
    ProcessConfig {
        name: name.into(),
        command: format!("/bin/{name}"),
        stdout: output(),
        stderr: output(),
        ..ProcessConfig::default()
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
        daemon: DaemonConfig { logfile: DaemonLog::File("/var/log/main.log".into()), ..DaemonConfig::default() },
        groups: groups.into_iter().map(Arc::new).collect(),
        ..Config::default()
    })
}
