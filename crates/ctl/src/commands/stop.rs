//! `stop`: stop processes, groups or all, and wait until each has ended.
//!
//! Deliberately absent: waiting and killing; the server does both.

use model::FaultCode;

use super::targets::{Action, names};
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "stop",
    help: &[
        Help::Form("stop <name>", "stop one process"),
        Help::Form("stop <gname>:*", "stop every process of a group"),
        Help::Form("stop <name> <name>", "stop several processes or groups, one after another"),
        Help::Form("stop all", "stop every process"),
    ],
    completes: Completes::Processes,
    run,
};

pub fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    let Some(names) = names(session, "stop", argument, exit::GENERIC)? else {
        return Ok(Flow::Go);
    };
    let action = Action {
        all: "stopAllProcesses",
        group: Some("stopProcessGroup"),
        one: "stopProcess",
        extra: None,
        ignored: Some(FaultCode::NotRunning),
        unknown_group: exit::GENERIC,
        words: &|outcome| outcome.signalled("stopped"),
    };
    action.run(session, &names)?;
    Ok(Flow::Go)
}
