//! `restart`: stop, then start.
//!
//! Deliberately absent: a new configuration; that is `update`'s.

use super::targets::words;
use super::{Command, Completes, Flow, Help, start, stop};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "restart",
    help: &[
        Help::Form("restart <name>", "stop one process and start it again"),
        Help::Form("restart <gname>:*", "the same for every process of a group"),
        Help::Form("restart <name> <name>", "the same for several processes or groups"),
        Help::Form("restart all", "the same for every process"),
        Help::Note("Note: restart keeps to the configuration that is loaded. See reread and update for a new one."),
    ],
    completes: Completes::Processes,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    if words(argument).is_empty() {
        session.misused("restart", "Error: restart requires a process name");
        return Ok(Flow::Go);
    }
    stop::run(session, argument)?;
    start::run(session, argument)
}
