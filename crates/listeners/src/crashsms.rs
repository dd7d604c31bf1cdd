//! `crashsms`: as `crashmailbatch`, in few enough letters for an SMS gateway and without a subject.

use std::process::ExitCode;

use wire::listener::Headers;

use crate::batch::{self, Kind, is_unexpected};
use crate::clock;
use crate::stage::Stage;

const KIND: Kind = Kind {
    program: "crashsms",
    purpose: "Mails, over SMTP and in few letters, all unexpected exits of an interval to an SMS gateway.\n\
              It is an event listener for PROCESS_STATE and TICK events.",
    event: "PROCESS_STATE_EXITED",
    subject: None,
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
    is_unexpected(words).then(|| format!("[{group}:{process}]({pid}) exited unexpectedly {}", clock::log_time()))
}
