//! `pid`: process ids, of the daemon or of its children.
//!
//! Deliberately absent: groups; the server's method takes one process.

use model::{FaultCode, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::exit;
use crate::render::{items, number};
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "pid",
    help: &[
        Help::Form("pid", "the process id of supervisord itself"),
        Help::Form("pid <name>", "the process id of one process, 0 if it does not run"),
        Help::Form("pid all", "those of every process, one a line"),
    ],
    completes: Completes::Processes,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    let names = words(argument);
    if names.is_empty() {
        let pid = session.call("getPID", &[])?;
        session.say(&pid.as_int().unwrap_or_default().to_string());
    } else if names.contains(&"all") {
        let answer = session.call("getAllProcessInfo", &[])?;
        for info in items(&answer) {
            session.say(&number(info, "pid").to_string());
        }
    } else {
        for name in names {
            one(session, name)?;
        }
    }
    Ok(Flow::Go)
}

fn one(session: &mut Session, name: &str) -> Result<(), CallError> {
    match session.call("getProcessInfo", &[Value::str(name.to_owned())]) {
        Ok(info) => {
            let pid = number(&info, "pid");
            session.say(&pid.to_string());
            if pid == 0 {
                session.status = exit::NOT_RUNNING;
            }
            Ok(())
        }
        Err(CallError::Fault { code, .. }) if code == FaultCode::BadName.number() => {
            session.fail(&format!("No such process {name}"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}
