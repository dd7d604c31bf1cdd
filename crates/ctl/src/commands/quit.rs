//! `quit`, `exit` and the end of the input: leave the shell.
//!
//! Deliberately absent: an exit status; a shell's is always 0.

use super::{Command, Completes, Flow, Help};
use crate::client::CallError;
use crate::session::Session;

pub const QUIT: Command =
    Command { name: "quit", help: &[Help::Form("quit", "leave the shell")], completes: Completes::Nothing, run };

pub const EXIT: Command =
    Command { name: "exit", help: &[Help::Form("exit", "leave the shell")], completes: Completes::Nothing, run };

/// What the end of the input is taken for, and may be typed too.
pub const END_OF_FILE: Command = Command { name: "EOF", help: &[], completes: Completes::Nothing, run };

fn run(session: &mut Session, _: &str) -> Result<Flow, CallError> {
    session.say("");
    Ok(Flow::Quit)
}
