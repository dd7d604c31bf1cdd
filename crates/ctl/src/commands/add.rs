//! `add`: make groups of the configuration active.
//!
//! Deliberately absent: reading the configuration; what was reread last counts.

use model::{FaultCode, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "add",
    help: &[Help::Form("add <name> [...]", "make groups active that the last reread found")],
    completes: Completes::Groups,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    for name in words(argument) {
        match session.call("addProcessGroup", &[Value::str(name.to_owned())]) {
            Ok(_) => session.say(&format!("{name}: added process group")),
            Err(CallError::Fault { code, text }) => match FaultCode::from_number(code) {
                Some(FaultCode::ShutdownState) => session.fail("ERROR: shutting down"),
                Some(FaultCode::AlreadyAdded) => session.say("ERROR: process group already active"),
                Some(FaultCode::BadName) => session.fail(&format!("ERROR: no such process/group: {name}")),
                _ => return Err(CallError::Fault { code, text }),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(Flow::Go)
}
