//! `fatalmailbatch`: one mail over SMTP for all processes of an interval that could not be started.

use std::process::ExitCode;

use wire::listener::Headers;

use crate::batch::{self, Kind};
use crate::clock;
use crate::stage::Stage;

const KIND: Kind = Kind {
    program: "fatalmailbatch",
    purpose: "Mails, over SMTP, all processes of an interval together that failed to start too often.\n\
              It is an event listener for PROCESS_STATE and TICK_60 events.",
    event: "PROCESS_STATE_FATAL",
    subject: Some("Fatal start alert from supervisord"),
    line,
};

/// The program.
pub fn main() -> ExitCode {
    Stage::real(KIND.program, run)
}

/// Runs it on a stage; its exit status.
pub fn run(stage: &mut Stage) -> u8 {
    batch::run(stage, &KIND)
}

fn line(words: &Headers) -> Option<String> {
    let word = |name| words.get(name).unwrap_or("?");
    let (group, process) = (word("groupname"), word("processname"));
    Some(format!("{} -- Process {group}:{process} failed to start too many times", clock::log_time()))
}
