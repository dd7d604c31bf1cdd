//! `remove`: take groups out of service.
//!
//! Deliberately absent: stopping them; a group that runs is left as it is.

use model::{FaultCode, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "remove",
    help: &[Help::Form("remove <name> [...]", "take groups that do not run out of service")],
    completes: Completes::Groups,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    for name in words(argument) {
        match session.call("removeProcessGroup", &[Value::str(name.to_owned())]) {
            Ok(_) => session.say(&format!("{name}: removed process group")),
            Err(CallError::Fault { code, text }) => match FaultCode::from_number(code) {
                Some(FaultCode::StillRunning) => session.fail(&format!("ERROR: process/group still running: {name}")),
                Some(FaultCode::BadName) => session.fail(&format!("ERROR: no such process/group: {name}")),
                _ => return Err(CallError::Fault { code, text }),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(Flow::Go)
}
