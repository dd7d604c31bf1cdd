//! `avail`: what is configured, and what of it is in use.
//!
//! Deliberately absent: rereading; that is `reread`'s.

use super::{Command, Completes, Flow, Help, shutting_down};
use crate::client::CallError;
use crate::render::{configured, items};
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "avail",
    help: &[Help::Form("avail", "list every configured process, in use or not")],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("avail", "Error: avail accepts no arguments");
        return Ok(Flow::Go);
    }
    match session.call("getAllConfigInfo", &[]) {
        Ok(answer) => items(&answer).iter().for_each(|info| session.say(&configured(info))),
        Err(error) if shutting_down(&error) => session.fail("ERROR: supervisor shutting down"),
        Err(error) => return Err(error),
    }
    Ok(Flow::Go)
}
