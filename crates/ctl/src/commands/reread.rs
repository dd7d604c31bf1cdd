//! `reread`: have the server read its configuration again, and see what would change.
//!
//! Deliberately absent: the change; that is `update`'s, or `add`'s and `remove`'s.

use model::FaultCode;

use super::{Command, Completes, Flow, Help, shutting_down};
use crate::client::CallError;
use crate::render::Changes;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "reread",
    help: &[Help::Form("reread", "read the server's configuration files again without acting on them")],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("reread", "Error: reread accepts no arguments");
        return Ok(Flow::Go);
    }
    match session.call("reloadConfig", &[]) {
        Ok(answer) => Changes::of(&answer).lines().iter().for_each(|line| session.say(line)),
        Err(error) if shutting_down(&error) => session.fail("ERROR: supervisor shutting down"),
        Err(CallError::Fault { code, text }) if code == FaultCode::CantReread.number() => {
            session.fail(&format!("ERROR: {text}"));
        }
        Err(error) => return Err(error),
    }
    Ok(Flow::Go)
}
