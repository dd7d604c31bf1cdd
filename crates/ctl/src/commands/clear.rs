//! `clear`: empty the logs of processes.
//!
//! Deliberately absent: groups, which the server's method does not take.

use super::targets::{Action, names};
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::render::Outcome;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "clear",
    help: &[
        Help::Form("clear <name>", "empty the log files of one process"),
        Help::Form("clear <name> <name>", "empty those of several processes"),
        Help::Form("clear all", "empty those of every process"),
    ],
    completes: Completes::Processes,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    let Some(names) = names(session, "clear", argument, exit::GENERIC)? else {
        return Ok(Flow::Go);
    };
    let action = Action {
        all: "clearAllProcessLogs",
        group: None,
        one: "clearProcessLogs",
        extra: None,
        ignored: None,
        unknown_group: exit::GENERIC,
        words: &Outcome::cleared,
    };
    action.run(session, &names)?;
    Ok(Flow::Go)
}
