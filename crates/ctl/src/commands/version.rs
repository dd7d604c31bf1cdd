//! `version`: the server's version.
//!
//! Deliberately absent: our own; the two need not be the same.

use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "version",
    help: &[Help::Form("version", "Show the version of the remote supervisord process")],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("version", "Error: version accepts no arguments");
        return Ok(Flow::Go);
    }
    if session.upcheck()? {
        let version = session.call("getSupervisorVersion", &[])?;
        session.say(version.as_str().unwrap_or_default());
    }
    Ok(Flow::Go)
}
