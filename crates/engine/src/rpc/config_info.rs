//! `getAllConfigInfo`: the configuration that was read last, process by process.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use config::{GroupConfig, LogTarget, OutputConfig, ProcessConfig};
use model::{Channel, Value};

use super::args::Args;
use super::{Method, Outcome};
use crate::action::Answer;
use crate::engine::Engine;
use crate::input::CallId;

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[Method {
    name: "supervisor.getAllConfigInfo",
    does: "Tell the options of all processes that are configured, active or not, sorted by name.",
    params: &[],
    gives: ("array", "A struct for each."),
    always: false,
    run: all_config_info,
}];

type Members = Vec<(Cow<'static, str>, Value)>;

fn all_config_info(engine: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    let mut rows: Vec<(&str, Value)> = Vec::new();
    for group in &engine.config.groups {
        let active = engine.groups.get(&group.name);
        for config in &group.processes {
            // AUTO logs are those of this reading: after another one they are `auto`, as in the reference.
            let same = active.filter(|active| Arc::ptr_eq(&active.config, group));
            let process = same.and_then(|group| engine.processes.get(group.names.get(config.name.as_str())?));
            let logs = match process {
                Some(process) => process.logs.each_ref().map(Option::as_deref),
                None => removed_logs(engine, group, &config.name),
            };
            rows.push((&config.name, config_info(group, config, logs, active.is_some())));
        }
    }
    rows.sort_by_key(|&(name, _)| name);
    Ok(Some(Answer::Value(Value::Array(rows.into_iter().map(|(_, row)| row).collect()))))
}

/// The AUTO logs that a process of a removed group has had, and will have again.
fn removed_logs<'a>(engine: &'a Engine, group: &GroupConfig, process: &str) -> [Option<&'a Path>; 2] {
    let logs = engine.removed_logs.get(&group.name).map_or(&[][..], Vec::as_slice);
    let log = |channel| logs.iter().find(|log| log.channel == channel && log.process == process);
    [Channel::Stdout, Channel::Stderr].map(|channel| log(channel).map(|log| log.path.as_path()))
}

/// What XML-RPC has no value for is told as `none`.
fn or_none(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Str(Cow::Borrowed("none")))
}

fn config_info(group: &GroupConfig, config: &ProcessConfig, logs: [Option<&Path>; 2], in_use: bool) -> Value {
    let uid = config.user.as_ref().map(|user| i64::from(user.uid).into());
    let codes = config.exitcodes.iter().map(|&code| Value::Int(code)).collect();
    let mut members: Members = vec![
        ("autostart".into(), config.autostart.into()),
        ("directory".into(), or_none(config.directory.clone().map(Value::from))),
        ("uid".into(), or_none(uid)),
        ("command".into(), config.command.clone().into()),
        ("exitcodes".into(), Value::Array(codes)),
        ("group".into(), group.name.clone().into()),
        ("group_prio".into(), group.priority.into()),
        ("inuse".into(), in_use.into()),
        ("killasgroup".into(), config.killasgroup.into()),
        ("name".into(), config.name.clone().into()),
        ("process_prio".into(), config.priority.into()),
        ("redirect_stderr".into(), config.redirect_stderr.into()),
        ("startretries".into(), config.startretries.into()),
        ("startsecs".into(), config.startsecs.into()),
    ];
    let [stdout, stderr] = logs;
    output_info(&mut members, Channel::Stdout, &config.stdout, stdout, false);
    members.push(("stopsignal".into(), i64::from(config.stopsignal.number()).into()));
    members.push(("stopwaitsecs".into(), config.stopwaitsecs.into()));
    output_info(&mut members, Channel::Stderr, &config.stderr, stderr, config.redirect_stderr);
    members.push(("serverurl".into(), or_none(config.serverurl.clone().map(Value::from))));
    Value::Struct(members)
}

const STDOUT: [&str; 6] = [
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
];

const STDERR: [&str; 6] = [
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
];

fn output_info(members: &mut Members, channel: Channel, output: &OutputConfig, log: Option<&Path>, redirected: bool) {
    let [capture, events, logfile, backups, maxbytes, syslog] = match channel {
        Channel::Stdout => STDOUT,
        Channel::Stderr => STDERR,
    };
    let path = match &output.logfile {
        _ if redirected => None,
        LogTarget::Auto => Some(log.map_or_else(|| "auto".into(), |path| path.to_string_lossy().into_owned())),
        LogTarget::File(path) => Some(path.to_string_lossy().into_owned()),
        LogTarget::None => None,
    };
    let bytes = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    members.extend([
        (capture.into(), bytes(output.capture_maxbytes)),
        (events.into(), output.events_enabled.into()),
        (logfile.into(), or_none(path.map(Value::from))),
        (backups.into(), i64::from(output.backups).into()),
        (maxbytes.into(), bytes(output.maxbytes)),
        (syslog.into(), output.syslog.into()),
    ]);
}
