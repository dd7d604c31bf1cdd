//! `crashmail`: a mail, through sendmail, for each process that exits unexpectedly.
//!
//! Other than the reference's: `-p` is obeyed, and without `-m` nothing is mailed (there it goes to «None»).

use std::process::ExitCode;

use wire::listener::Notification;

use crate::batch::is_unexpected;
use crate::options::{self, HELP, Opt};
use crate::protocol::{self, Over};
use crate::stage::{SERVER_URL, Stage};
use crate::{clock, mail};

const TABLE: &[Opt] = &[
    HELP,
    Opt {
        short: Some('p'),
        long: "program",
        value: Some("NAME"),
        help: "mail about this process only: name or group:name; may be given more than once",
    },
    Opt { short: Some('a'), long: "any", value: None, help: "mail about every process, whatever -p says" },
    Opt { short: Some('o'), long: "optionalheader", value: Some("TEXT"), help: "begin the subject with this" },
    Opt {
        short: Some('s'),
        long: "sendmail_program",
        value: Some("COMMAND"),
        help: "give the mail to this command (default: /usr/sbin/sendmail -t -i)",
    },
    Opt {
        short: Some('m'),
        long: "email",
        value: Some("ADDRESS"),
        help: "mail to this address; without it no mail is sent",
    },
];

struct CrashMail {
    programs: Vec<String>,
    sendmail: String,
    email: Option<String>,
    header: Option<String>,
}

/// The program.
pub fn main() -> ExitCode {
    Stage::real("crashmail", run)
}

/// Runs it on a stage; its exit status.
pub fn run(stage: &mut Stage) -> u8 {
    let usage = options::usage(
        "crashmail [-p name]... [-a] [-o text] [-m address] [-s command]",
        "Mails when a process exits unexpectedly. It is an event listener for PROCESS_STATE_EXITED events.",
        TABLE,
    );
    let parsed = match stage.options(TABLE, &usage) {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    if stage.variable(SERVER_URL).is_none() {
        stage.say("crashmail must be run as a supervisor event listener\n");
        return 0;
    }
    let crashmail = CrashMail {
        programs: if parsed.has("any") { Vec::new() } else { parsed.all("program") },
        sendmail: parsed.last("sendmail_program").unwrap_or_else(|| mail::SENDMAIL.to_owned()),
        email: parsed.last("email"),
        header: parsed.last("optionalheader").filter(|header| !header.is_empty()),
    };
    protocol::serve(stage, |stage, event| crashmail.heard(stage, event))
}

impl CrashMail {
    fn heard(&self, stage: &mut Stage, event: &Notification) -> Result<(), Over> {
        if event.event_name() != "PROCESS_STATE_EXITED" {
            return Ok(());
        }
        let (words, _) = event.body()?;
        let word = |name: &str| words.get(name).unwrap_or("?");
        let (process, group) = (word("processname"), word("groupname"));
        if !is_unexpected(&words) || !self.watches(group, process) {
            return Ok(());
        }
        let Some(email) = &self.email else {
            stage.say("unexpected exit, not mailing: no address was given with -m\n");
            return Ok(());
        };
        stage.say("unexpected exit, mailing\n");
        let text = format!(
            "Process {process} in group {group} exited unexpectedly (pid {}) from state {}",
            word("pid"),
            word("from_state")
        );
        // Two blanks follow «Subject:» where there is no header: mails are sorted by this line, so it stays.
        let subject = format!(" {process} crashed at {}", clock::log_time());
        let subject = self.header.as_ref().map_or(subject.clone(), |header| format!("{header}:{subject}"));
        let mail = mail::sendmail(stage, &self.sendmail, email, &subject, &text);
        stage.say(&format!("Mailed:\n\n{mail}"));
        Ok(())
    }

    fn watches(&self, group: &str, process: &str) -> bool {
        let full = format!("{group}:{process}");
        self.programs.is_empty() || self.programs.iter().any(|name| name == process || *name == full)
    }
}
