//! `maintail`: the end of the daemon's own log, and with `-f` what comes after it.
//!
//! Deliberately absent: other logs; they are `tail`'s.

use super::targets::words;
use super::{Command, Completes, Flow, Help, follow, tail};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "maintail",
    help: &[
        Help::Form("maintail -f", "follow supervisord's own log (Ctrl-C ends it)"),
        Help::Form("maintail -100", "its last 100 bytes"),
        Help::Form("maintail", "its last 1600 bytes"),
        Help::Note(""),
    ],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    let bytes = match words(argument).as_slice() {
        [] => tail::BYTES,
        ["-f"] => return follow::run(session, "/mainlogtail"),
        [word] => match tail::read_count(word) {
            Some(bytes) => bytes,
            None => {
                session.fail(&format!("Error: bad argument {word}"));
                return Ok(Flow::Go);
            }
        },
        _ => {
            session.misused("maintail", "Error: too many arguments");
            return Ok(Flow::Go);
        }
    };
    tail::show(session, "readLog", None, bytes)
}
