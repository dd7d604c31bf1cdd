//! Mail in the two ways of the reference: through a sendmail command (crashmail, httpok, memmon) and over SMTP (the batch
//! mailers).

use std::time::Duration;

use crate::child::{self, Printed};
use crate::stage::Stage;

pub mod message;
pub mod smtp;

/// The sendmail command where `-s` names none.
pub const SENDMAIL: &str = "/usr/sbin/sendmail -t -i";
/// For a sendmail command to take a mail; it queues it, so this is long.
const SENDMAIL_LIMIT: Duration = Duration::from_secs(120);

/// Give a mail to a sendmail command: the mail as it was given, in the form that the reference gives.
///
/// A command that fails is told on stderr. The listener goes on: the next event is not to be lost with this mail.
pub fn sendmail(stage: &mut Stage, command: &str, to: &str, subject: &str, text: &str) -> String {
    let mail = format!("To: {}\nSubject: {}\n\n{text}", message::one_line(to), message::one_line(subject));
    match child::run(child::shell(command), mail.as_bytes(), Printed::ToStderr, SENDMAIL_LIMIT) {
        Ok(ended) if ended.status.success() => {}
        Ok(ended) => stage.complain(&format!("{command}: the mail may be lost: {}", ended.status)),
        Err(why) => stage.complain(&format!("{command}: the mail may be lost: {why}")),
    }
    mail
}
