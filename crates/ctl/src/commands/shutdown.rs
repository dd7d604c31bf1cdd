//! `shutdown`: stop everything and end the daemon; a shell asks first.
//!
//! Deliberately absent: waiting for the end; the server answers before it.

use super::{Command, Completes, Flow, Help, agreed, shutting_down};
use crate::client::CallError;
use crate::session::{Session, unreachable};

pub const COMMAND: Command = Command {
    name: "shutdown",
    help: &[Help::Form("shutdown", "stop every process, then supervisord itself")],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("shutdown", "Error: shutdown accepts no arguments");
        return Ok(Flow::Go);
    }
    if !agreed(session, "Really shut the remote supervisord process down y/N? ") {
        return Ok(Flow::Go);
    }
    match session.call("shutdown", &[]) {
        Ok(_) => session.say("Shut down"),
        // What was asked for is under way.
        Err(error) if shutting_down(&error) => session.say("ERROR: already shutting down"),
        Err(error) => {
            let Some(words) = unreachable(&error) else { return Err(error) };
            let url = session.url();
            session.fail(&format!("ERROR: {url} {words} (already shut down?)"));
        }
    }
    Ok(Flow::Go)
}
