//! `open`: talk to another server from now on.
//!
//! Deliberately absent: a change of the exit status when that server is not there; the next action will tell.

use super::{Command, Completes, Flow, Help, status};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "open",
    help: &[
        Help::Form("open <url>", "talk to the supervisord at this URL from now on:"),
        Help::More("http://host:port, or unix:///path/to/socket"),
    ],
    completes: Completes::Nothing,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    let scheme = argument.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("unix" | "http")) {
        session.fail("ERROR: url must be http:// or unix://");
        return Ok(Flow::Go);
    }
    session.client().borrow_mut().set_url(argument.to_owned());
    let before = session.status;
    let flow = status::run(session, "")?;
    session.status = before;
    Ok(flow)
}
