//! `start`: start processes, groups or all, and wait until each runs or has failed.
//!
//! Deliberately absent: waiting; the server answers when a process has been up for its `startsecs`.

use model::FaultCode;

use super::targets::{Action, names};
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::render::Outcome;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "start",
    help: &[
        Help::Form("start <name>", "start one process"),
        Help::Form("start <gname>:*", "start every process of a group"),
        Help::Form("start <name> <name>", "start several processes or groups, one after another"),
        Help::Form("start all", "start every process"),
    ],
    completes: Completes::Processes,
    run,
};

pub fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    let Some(names) = names(session, "start", argument, exit::INVALID_ARGS)? else {
        return Ok(Flow::Go);
    };
    let action = Action {
        all: "startAllProcesses",
        group: Some("startProcessGroup"),
        one: "startProcess",
        extra: None,
        ignored: Some(FaultCode::AlreadyStarted),
        unknown_group: exit::INVALID_ARGS,
        words: &Outcome::started,
    };
    action.run(session, &names)?;
    Ok(Flow::Go)
}
