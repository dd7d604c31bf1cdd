//! `signal`: send a signal to processes, groups or all.
//!
//! Deliberately absent: names of signals; the server knows which it has.

use super::targets::{Action, words};
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "signal",
    help: &[
        Help::Form("signal <signal name> <name>", "send a signal to one process"),
        Help::Form("signal <signal name> <gname>:*", "send it to every process of a group"),
        Help::Form("signal <signal name> <name> <name>", "send it to several processes or groups"),
        Help::Form("signal <signal name> all", "send it to every process"),
    ],
    completes: Completes::Processes,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    let words = words(argument);
    let Some((signal, names)) = words.split_first().filter(|(_, names)| !names.is_empty()) else {
        session.misused("signal", "Error: signal requires a signal name and a process name");
        return Ok(Flow::Go);
    };
    let action = Action {
        all: "signalAllProcesses",
        group: Some("signalProcessGroup"),
        one: "signalProcess",
        extra: Some(signal),
        ignored: None,
        unknown_group: exit::GENERIC,
        words: &|outcome| outcome.signalled("signalled"),
    };
    action.run(session, names)?;
    Ok(Flow::Go)
}
