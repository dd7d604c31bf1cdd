//! What clients are shown of a process: its struct, its row on a page, and its description in words.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Moment, ProcessState, Value};

use crate::action::{Answer, Overview, ProcessOverview};
use crate::engine::Engine;
use crate::input::{Input, Request};
use crate::process::Process;

/// Seconds since 1970 as an XML-RPC int, which has 32 bits.
fn capped(seconds: i64) -> Value {
    Value::Int(seconds.clamp(i64::from(i32::MIN), i64::from(i32::MAX)))
}

fn path(path: Option<&PathBuf>) -> Value {
    Value::Str(path.map_or(Cow::Borrowed(""), |path| Cow::Owned(path.to_string_lossy().into_owned())))
}

/// The method whose answer is kept while it stays the same.
pub(crate) const LISTING: &str = "supervisor.getAllProcessInfo";
/// An answer about more processes than this is not kept: it would take more memory than it saves time.
const KEPT: usize = 500;

/// The last answer to `getAllProcessInfo`. Clients that watch ask many times a second, and the same is shown until a fact
/// comes or a second passes; an answer that is asked for only once is not kept.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// What it was made of: facts so far, and the second that `now` tells.
    of: (u64, i64),
    /// When the first uptime in it changes.
    until: Moment,
    value: Option<Arc<Value>>,
}

/// True if this only asks for the listing, and so changes nothing.
pub(crate) fn asks_for_listing(input: &Input) -> bool {
    matches!(input, Input::Called { request: Request::Method { name, .. }, .. } if name == LISTING)
}

impl Engine {
    /// The answer to `getAllProcessInfo`.
    pub(crate) fn listing(&mut self) -> Answer {
        let of = (self.facts, self.wall.seconds());
        let is_same = self.listing.of == of && self.now < self.listing.until;
        if let (true, Some(value)) = (is_same, &self.listing.value) {
            return Answer::Shared(Arc::clone(value));
        }
        let order = self.lexical();
        let processes = || order.iter().filter_map(|id| self.processes.get(id));
        let value = Value::Array(processes().map(|process| self.process_info(process)).collect());
        let until = processes().filter_map(|process| self.next_uptime(process)).min().unwrap_or(Moment(u64::MAX));
        let is_asked_again = is_same && order.len() <= KEPT;
        let (kept, answer) = if is_asked_again {
            let value = Arc::new(value);
            (Some(Arc::clone(&value)), Answer::Shared(value))
        } else {
            (None, Answer::Value(value))
        };
        self.listing = Listing { of, until, value: kept };
        answer
    }

    /// When the uptime that is shown of a process changes.
    fn next_uptime(&self, process: &Process) -> Option<Moment> {
        let started = process.started.filter(|_| process.word() == ProcessState::Running)?;
        Some(started.at.after(Duration::from_secs(process.uptime(self.now).as_secs() + 1)))
    }

    /// The struct of `getProcessInfo`.
    pub(crate) fn process_info(&self, process: &Process) -> Value {
        let word = process.word();
        let [stdout, stderr] = &process.logs;
        let start = process.started.map_or(0, |started| started.wall.seconds());
        let member = |name: &'static str, value: Value| (Cow::Borrowed(name), value);
        Value::Struct(vec![
            member("name", process.config.name.clone().into()),
            member("group", Value::str(process.group.to_string())),
            member("start", capped(start)),
            member("stop", capped(process.stopped.seconds())),
            member("now", capped(self.wall.seconds())),
            member("state", word.code().into()),
            member("statename", word.name().into()),
            member("spawnerr", Value::str(process.spawnerr.clone().unwrap_or_default())),
            member("exitstatus", process.exitstatus.unwrap_or(0).into()),
            member("logfile", path(stdout.as_ref())),
            member("stdout_logfile", path(stdout.as_ref())),
            member("stderr_logfile", path(stderr.as_ref())),
            member("pid", i64::from(process.pid()).into()),
            member("description", self.description(process).into()),
        ])
    }

    /// The state in words, as the last column of `supervisorctl status`.
    pub(crate) fn description(&self, process: &Process) -> String {
        match process.word() {
            ProcessState::Running => {
                format!("pid {}, uptime {}", process.pid(), duration(process.uptime(self.now).as_secs()))
            }
            ProcessState::Backoff | ProcessState::Fatal => process
                .spawnerr
                .clone()
                .unwrap_or_else(|| format!("unknown error (try \"tail {}\")", process.config.name)),
            ProcessState::Stopped | ProcessState::Exited if process.started.is_none() => "Not started".into(),
            ProcessState::Stopped | ProcessState::Exited => (self.local.time)(process.stopped).text(),
            ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
        }
    }

    /// All that a page about all programs shows.
    pub(crate) fn overview(&mut self) -> Overview {
        let order = self.lexical();
        let rows = order.iter().filter_map(|id| self.processes.get(id)).map(|process| ProcessOverview {
            group: process.group.to_string(),
            name: process.config.name.clone(),
            state: process.word(),
            description: self.description(process),
            pid: process.state.child().map(|child| child.pid),
            start: process.started.map_or(0, |started| started.wall.seconds()),
            logs: process.logs.clone(),
        });
        Overview { identifier: self.base.daemon.identifier.clone(), processes: rows.collect() }
    }
}

/// As Python shows a timedelta: `0:00:05`, `1 day, 0:00:00`, `12 days, 3:04:05`.
fn duration(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => time,
        1 => format!("1 day, {time}"),
        _ => format!("{days} days, {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn an_uptime_is_shown_as_python_shows_it() {
        assert_eq!(duration(5), "0:00:05");
        assert_eq!(duration(86_399), "23:59:59");
        assert_eq!(duration(86_400), "1 day, 0:00:00");
        assert_eq!(duration(1_000_000), "11 days, 13:46:40");
    }
}
