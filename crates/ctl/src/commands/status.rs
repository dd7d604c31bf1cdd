//! `status`: the table of processes.
//!
//! Its exit status is 4 where something is unknown and 3 where a process that is shown does not run; 3 wins. Deliberately
//! absent: asking for single processes; the whole table is one call.

use model::{Namespec, ProcessState, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::render::{items, number, status_table, text};
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "status",
    help: &[
        Help::Form("status <name>", "the state of one process"),
        Help::Form("status <gname>:*", "the states of a group's processes"),
        Help::Form("status <name> <name>", "the states of several processes"),
        Help::Form("status", "the states of all processes"),
    ],
    completes: Completes::Processes,
    run,
};

pub fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        session.status = exit::STATUS_UNKNOWN;
        return Ok(Flow::Go);
    }
    let answer = session.call("getAllProcessInfo", &[])?;
    let infos = items(&answer);
    let names = words(argument);
    let shown = if names.is_empty() || names.contains(&"all") {
        infos.iter().collect()
    } else {
        names.iter().flat_map(|name| matching(session, infos, name)).collect::<Vec<_>>()
    };
    status_table(&shown).iter().for_each(|line| session.say(line));
    if shown.iter().any(|info| is_stopped(number(info, "state"))) {
        session.status = exit::STATUS_NOT_RUNNING;
    }
    Ok(Flow::Go)
}

/// The processes that a name means; what is unknown is said at once.
fn matching<'a>(session: &mut Session, infos: &'a [Value], name: &str) -> Vec<&'a Value> {
    let spec = Namespec::parse(name);
    let is_meant = |info: &&Value| {
        text(info, "group") == spec.group && spec.process.is_none_or(|process| text(info, "name") == process)
    };
    let found: Vec<&Value> = infos.iter().filter(is_meant).collect();
    if found.is_empty() {
        match spec.process {
            None => session.say(&format!("{}: ERROR (no such group)", spec.group)),
            Some(_) => session.say(&format!("{name}: ERROR (no such process)")),
        }
        session.status = exit::STATUS_UNKNOWN;
    }
    found
}

/// True for a state that the reference calls stopped.
fn is_stopped(code: i64) -> bool {
    ProcessState::from_code(code).is_some_and(ProcessState::is_stopped)
}
