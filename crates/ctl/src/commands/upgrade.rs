//! `upgrade`: have the daemon hand over to the program that stands at its path now.
//!
//! The answer comes from the successor, or from the daemon itself if it refused. Deliberately absent: installing it.

use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "upgrade",
    help: &[
        Help::Form("upgrade", "have supervisord hand over to the program that stands at its path now:"),
        Help::More("same process id, nothing is restarted; if that program does not"),
        Help::More("accept the state, nothing changes and the reason is told"),
    ],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !argument.is_empty() {
        session.misused("upgrade", "Error: upgrade accepts no arguments");
        return Ok(Flow::Go);
    }
    match session.call("upgrade", &[]) {
        Ok(what) => session.say(&format!("upgraded: {}", what.as_str().unwrap_or_default())),
        Err(CallError::Fault { text, .. }) => {
            session.fail(&format!("ERROR: not upgraded: {}", text.strip_prefix("FAILED: ").unwrap_or(&text)));
        }
        Err(error) => return Err(error),
    }
    Ok(Flow::Go)
}
