//! `reload`: have the daemon stop everything and begin anew; a shell asks first.
//!
//! Deliberately absent: a gentle way; that is `update`.

use super::{Command, Completes, Flow, Help, agreed, shutting_down};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "reload",
    help: &[Help::Form("reload", "stop every process and begin anew with the configuration read again")],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("reload", "Error: reload accepts no arguments");
        return Ok(Flow::Go);
    }
    if !agreed(session, "Really restart the remote supervisord process y/N? ") {
        return Ok(Flow::Go);
    }
    match session.call("restart", &[]) {
        Ok(_) => session.say("Restarted supervisord"),
        Err(error) if shutting_down(&error) => session.fail("ERROR: already shutting down"),
        Err(error) => return Err(error),
    }
    Ok(Flow::Go)
}
