//! Doubts: what the reference swallows without a word although it is hardly meant.
//!
//! Deliberately absent: anything the daemon would not start with (that is an error, told by `read`).

mod command;
mod near;

use std::collections::BTreeMap;

use crate::expand::{Names, Text, expand};
use crate::ini::{Section, Setting};
use crate::read::Reading;
use crate::tables::{self, Kind, Table};
use crate::{Problem, pairs};

pub(crate) use near::nearest;

/// Tells all doubts of what was read.
pub(crate) fn lint(reading: &Reading<'_>) {
    repeats(reading);
    for section in reading.document.sections() {
        let Some(table) = tables::table_for(&section.name) else {
            unknown_section(reading, section);
            continue;
        };
        for setting in section.settings() {
            option(reading, section, table, setting);
        }
    }
    interface(reading);
}

fn doubt(reading: &Reading<'_>, section: &str, setting: Option<&Setting>, text: impl Into<String>, hint: &str) {
    let problem = reading.section_problem(section, text);
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    reading.doubt(match setting {
        Some(setting) => Problem {
            place: setting.place.clone(),
            option: Some(setting.name.clone()),
            value: Some(setting.value.clone()),
            hint,
            ..problem
        },
        None => Problem { hint, ..problem },
    });
}

/// What is written twice. Over several files that may be meant for the daemon's own section and for single options.
fn repeats(reading: &Reading<'_>) {
    for repeat in &reading.document.repeats {
        let elsewhere = repeat.place.file != repeat.before.file;
        let before = &repeat.before;
        let text = match &repeat.option {
            None if repeat.section == "include" && elsewhere => {
                "an [include] in an included file is ignored".to_owned()
            }
            None if elsewhere && !repeat.section.contains(':') => continue,
            Some(_) if elsewhere => continue,
            None => format!("the section is written twice, first at {before}: both are one, and what comes last wins"),
            Some(_) => format!("the option is given twice, first at {before}: the last one wins"),
        };
        reading.doubt(Problem {
            place: Some(repeat.place.clone()),
            section: Some(repeat.section.clone()),
            option: repeat.option.clone(),
            ..Problem::new(text)
        });
    }
}

fn unknown_section(reading: &Reading<'_>, section: &Section) {
    let (kind, rest) = section.name.split_once(':').map_or((section.name.as_str(), ""), |(kind, rest)| (kind, rest));
    let kinds = tables::ALL.iter().map(|table| table.section.trim_end_matches(':'));
    let hint = match nearest(kind.trim(), kinds) {
        Some(near) if rest.is_empty() => format!("did you mean [{near}]?"),
        Some(near) => format!("did you mean [{near}:{}]?", rest.trim()),
        None => String::new(),
    };
    doubt(reading, &section.name, None, "no section of this name is known: it is left out", &hint);
}

fn option(reading: &Reading<'_>, section: &Section, table: &'static Table, setting: &Setting) {
    let name = section.name.as_str();
    let Some(row) = table.row(&setting.name) else {
        if !table.open {
            let near = nearest(&setting.name, table.rows.iter().map(|row| row.name));
            let hint = near.map(|near| format!("did you mean {near}?")).unwrap_or_default();
            doubt(reading, name, Some(setting), "no option of this name is known: it is left out", &hint);
        }
        return;
    };
    if has_nameless(&setting.value) {
        let text = "%s without a name is left as it is";
        doubt(reading, name, Some(setting), text, "write %% for a percent sign");
    }
    let Some(value) = quietly_expanded(reading, name, &setting.value) else { return };
    match (row.name, row.kind) {
        ("command", _) => {
            for (text, hint) in command::doubts(&value, setting.comment.is_some()) {
                doubt(reading, name, Some(setting), text, hint);
            }
        }
        ("password", _) => password(reading, name, setting),
        (_, Kind::Pairs) => {
            if let Some(text) = pairs::doubt(&value) {
                doubt(reading, name, Some(setting), text, "quote the value: KEY=\"two words\"");
            }
        }
        (_, Kind::Path | Kind::FilePath | Kind::Directory | Kind::Log) => {
            path(reading, name, setting, row.kind, &value)
        }
        (_, Kind::User) => number_without_account(reading, name, setting, &value),
        _ => {}
    }
}

/// A value as its section would see it, for the first process; `None` where that is an error.
fn quietly_expanded(reading: &Reading<'_>, section: &str, value: &str) -> Option<String> {
    if !value.contains('%') {
        return Some(value.into());
    }
    let name = section.split_once(':').map_or("", |(_, name)| name.trim());
    let own: BTreeMap<String, Text> = [
        ("here", Text::Str(reading.here.clone())),
        ("program_name", name.into()),
        ("group_name", name.into()),
        ("host_node_name", Text::Str(reading.host.node_name())),
        ("process_num", Text::Int(0)),
        ("numprocs", Text::Int(1)),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text))
    .collect();
    expand(value, Names { own: &own, environment: &reading.environment }, "").ok()
}

/// `%s` and its like with no name in parentheses.
fn has_nameless(value: &str) -> bool {
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '%' && matches!(chars.next(), Some('s' | 'r' | 'a')) {
            return true;
        }
    }
    false
}

fn password(reading: &Reading<'_>, section: &str, setting: &Setting) {
    let Some(place) = &setting.place else { return };
    if !setting.value.is_empty() && reading.host.mode(&place.file).is_some_and(|mode| mode & 0o004 != 0) {
        let text = "everybody on this machine can read this password";
        doubt(reading, section, Some(setting), text, "chmod o-r the file");
    }
}

fn path(reading: &Reading<'_>, section: &str, setting: &Setting, kind: Kind, value: &str) {
    let word = ["auto", "none", "off", "syslog"].contains(&value.to_lowercase().as_str());
    if value.is_empty() || (word && matches!(kind, Kind::Log | Kind::FilePath)) {
        return;
    }
    // Only logs and the daemon's own paths have their `~` expanded.
    let home = value.starts_with('~');
    if home && section.contains(':') && matches!(kind, Kind::Path) {
        doubt(reading, section, Some(setting), "~ is not expanded here", "write %(ENV_HOME)s");
    } else if command::has_variable(value) {
        doubt(reading, section, Some(setting), "variables of a shell are not expanded", "write %(ENV_NAME)s");
    } else if !home && !value.starts_with('/') {
        let text = "a relative path depends on where supervisord is started";
        doubt(reading, section, Some(setting), text, "write an absolute one, or begin it with %(here)s");
    } else if setting.name == "directory" && section.contains(':') && !reading.host.is_dir(value.as_ref()) {
        doubt(reading, section, Some(setting), format!("there is no directory {value}"), "");
    }
}

fn number_without_account(reading: &Reading<'_>, section: &str, setting: &Setting, value: &str) {
    let Ok(uid) = value.trim().parse::<u32>() else { return };
    if reading.host.user_numbered(uid).is_none() {
        let text = format!("no account has the number {uid}: it runs with group 0 and no others");
        doubt(reading, section, Some(setting), text, "");
    }
}

/// Servers without the interface answer supervisorctl with a fault only.
fn interface(reading: &Reading<'_>) {
    let sections = reading.document.sections();
    let served = sections.iter().find(|section| section.name.contains("_http_server"));
    if let Some(server) = served.filter(|_| !sections.iter().any(|section| section.name.starts_with("rpcinterface:"))) {
        let text = "there is no [rpcinterface:supervisor] section: supervisorctl will not work";
        let hint = "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface";
        doubt(reading, &server.name, None, text, hint);
    }
}
