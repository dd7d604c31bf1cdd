//! `crashmailbatch`: one mail over SMTP for all unexpected exits of an interval.

use std::process::ExitCode;

use wire::listener::Headers;

use crate::batch::{self, Kind, is_unexpected};
use crate::clock;
use crate::stage::Stage;

const KIND: Kind = Kind {
    program: "crashmailbatch",
    purpose: "Mails, over SMTP, all unexpected exits of an interval together.\n\
              It is an event listener for PROCESS_STATE and TICK_60 events.",
    event: "PROCESS_STATE_EXITED",
    subject: Some("Crash alert from supervisord"),
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
    let (group, process, pid) = (word("groupname"), word("processname"), word("pid"));
    is_unexpected(words)
        .then(|| format!("{} -- Process {group}:{process} (pid {pid}) died unexpectedly", clock::log_time()))
}
