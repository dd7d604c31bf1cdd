//! Files that Supervisor 4.3.0 has read: what it made of each, or why it refused it, is what we make of it.
//!
//! data/reference.json holds one case a line: the text and, of each process, what differs from the defaults.
//! Deliberately absent: what differs on purpose (docs/compatibility.md); such cases are not kept.

#![allow(clippy::unwrap_used)]

mod host;

use std::path::Path;

use config::{Autorestart, Flags, LogTarget, OutputConfig, ProcessConfig, check};
use host::FakeHost;
use model::Level;
use serde_json::{Map, Value, json};

const FILE: &str = "/etc/case/supervisord.conf";

/// A process as the reference names its parts, without what is a default.
fn process(process: &ProcessConfig) -> Value {
    let autorestart = match process.autorestart {
        Autorestart::Never => json!(false),
        Autorestart::Always => json!("RestartUnconditionally"),
        Autorestart::Unexpected => json!("RestartWhenExitUnexpected"),
    };
    let environment: Map<String, Value> =
        process.environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut all = json!({
        "autorestart": autorestart, "autostart": process.autostart, "command": process.command,
        "directory": process.directory, "environment": environment, "exitcodes": process.exitcodes,
        "killasgroup": process.killasgroup, "name": process.name, "priority": process.priority,
        "redirect_stderr": process.redirect_stderr, "serverurl": process.serverurl,
        "startretries": process.startretries, "startsecs": process.startsecs, "stopasgroup": process.stopasgroup,
        "stopsignal": process.stopsignal.number(), "stopwaitsecs": process.stopwaitsecs,
        "uid": process.user.as_ref().map(|user| user.uid), "umask": process.umask,
    });
    let Value::Object(parts) = &mut all else { unreachable!() };
    output(parts, "stdout", &process.stdout);
    output(parts, "stderr", &process.stderr);
    let defaults = defaults();
    parts.retain(|name, value| defaults.get(name) != Some(value));
    all
}

fn output(parts: &mut Map<String, Value>, channel: &str, output: &OutputConfig) {
    let logfile = match &output.logfile {
        LogTarget::Auto => json!("Auto"),
        LogTarget::File(path) => json!(path),
        LogTarget::None => Value::Null,
    };
    for (name, value) in [
        ("logfile", logfile),
        ("logfile_maxbytes", json!(output.maxbytes)),
        ("logfile_backups", json!(output.backups)),
        ("capture_maxbytes", json!(output.capture_maxbytes)),
        ("events_enabled", json!(output.events_enabled)),
        ("syslog", json!(output.syslog)),
    ] {
        parts.insert(format!("{channel}_{name}"), value);
    }
}

fn defaults() -> Value {
    let mut all = json!({
        "priority": 999, "autostart": true, "autorestart": "RestartWhenExitUnexpected", "startsecs": 1,
        "startretries": 3, "stopsignal": 15, "stopwaitsecs": 10, "stopasgroup": false, "killasgroup": false,
        "exitcodes": [0], "redirect_stderr": false, "directory": null, "umask": null, "serverurl": null, "uid": null,
        "environment": {},
    });
    for channel in ["stdout", "stderr"] {
        for (name, value) in [
            ("logfile", json!("Auto")),
            ("logfile_maxbytes", json!(52_428_800)),
            ("logfile_backups", json!(10)),
            ("capture_maxbytes", json!(0)),
            ("events_enabled", json!(false)),
            ("syslog", json!(false)),
        ] {
            all[format!("{channel}_{name}")] = value;
        }
    }
    all
}

/// What we make of a text, in the form of the kept case.
fn ours(text: &str, warnings: usize) -> Value {
    let report = check(&FakeHost::with(&[(FILE, text)]), Path::new(FILE), &Flags::default());
    let fold = |text: &str| text.replace(FILE, "<FILE>").replace("/etc/case", "<DIR>");
    let Some(config) = report.config else {
        return json!({ "error": fold(report.errors[0].words()) });
    };
    let groups: Vec<Value> = config
        .groups
        .iter()
        .map(|group| {
            let processes: Vec<Value> = group.processes.iter().map(|one| process(one)).collect();
            json!({ "name": group.name, "priority": group.priority, "processes": processes })
        })
        .collect();
    let said = config.messages.iter().filter(|message| message.level == Level::Warn).take(warnings);
    let said: Vec<String> = said.map(|message| message.text.clone()).collect();
    let all = if said.is_empty() { json!({ "groups": groups }) } else { json!({ "groups": groups, "warnings": said }) };
    serde_json::from_str(&fold(&all.to_string())).unwrap()
}

#[test]
fn files_are_read_as_the_reference_reads_them() {
    let cases: Vec<Map<String, Value>> = serde_json::from_str(include_str!("data/reference.json")).unwrap();
    let mut differing = Vec::new();
    for mut case in cases {
        let text = case.remove("text").unwrap();
        let warnings = case.get("warnings").and_then(Value::as_array).map_or(0, Vec::len);
        let ours = ours(text.as_str().unwrap(), warnings);
        if ours != Value::Object(case.clone()) {
            differing.push(format!("{text}\n  theirs {}\n  ours   {ours}", Value::Object(case)));
        }
    }
    assert!(differing.is_empty(), "{} cases differ:\n{}", differing.len(), differing.join("\n"));
}
