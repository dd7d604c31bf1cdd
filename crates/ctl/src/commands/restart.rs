//! `restart`: stop, then start.
//!
//! Deliberately absent: a new configuration; that is `update`'s.

use super::targets::names;
use super::{Command, Completes, Flow, Help, start, stop};
use crate::client::CallError;
use crate::exit;
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
    if names(session, "restart", argument, exit::GENERIC)?.is_none() {
        return Ok(Flow::Go);
    }
    stop::run(session, argument)?;
    start::run(session, argument)
}
