//! `help`: the names of all actions, or the forms of one.
//!
//! Deliberately absent: the texts, which stand with each action.

use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "help",
    help: &[Help::Form("help", "list all actions"), Help::Form("help <action>", "show what an action takes and does")],
    completes: Completes::Actions,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if argument.is_empty() {
        super::show_names(session);
    } else {
        super::show_help(session, argument);
    }
    Ok(Flow::Go)
}
