//! The batch mailers, one description each: `crashmailbatch`, `fatalmailbatch` and `crashsms`.
//!
//! What they do is the same for all and in `batch`. Deliberately absent: `crashmail`, which mails each exit by itself, through
//! sendmail.

use crate::batch::{Loss, Mailer};

/// One mail over SMTP for all unexpected exits of an interval.
pub static CRASHMAILBATCH: Mailer = Mailer {
    program: "crashmailbatch",
    purpose: "Mails, over SMTP, all unexpected exits of an interval together.\n\
              It is an event listener for PROCESS_STATE and TICK_60 events.",
    event: "PROCESS_STATE_EXITED",
    subject: Some("Crash alert from supervisord"),
    line: |Loss { group, process, pid, time }| {
        format!("{time} -- Process {group}:{process} (pid {pid}) died unexpectedly")
    },
};

/// One mail over SMTP for all processes of an interval that could not be started.
pub static FATALMAILBATCH: Mailer = Mailer {
    program: "fatalmailbatch",
    purpose: "Mails, over SMTP, all processes of an interval together that failed to start too often.\n\
              It is an event listener for PROCESS_STATE and TICK_60 events.",
    event: "PROCESS_STATE_FATAL",
    subject: Some("Fatal start alert from supervisord"),
    line: |Loss { group, process, time, .. }| {
        format!("{time} -- Process {group}:{process} failed to start too many times")
    },
};

/// As `crashmailbatch`, in few enough letters for an SMS gateway and without a subject.
pub static CRASHSMS: Mailer = Mailer {
    program: "crashsms",
    purpose: "Mails, over SMTP and in few letters, all unexpected exits of an interval to an SMS gateway.\n\
              It is an event listener for PROCESS_STATE and TICK events.",
    event: "PROCESS_STATE_EXITED",
    subject: None,
    line: |Loss { group, process, pid, time }| format!("[{group}:{process}]({pid}) exited unexpectedly {time}"),
};
