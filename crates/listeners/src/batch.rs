//! What the batch mailers share: messages are gathered, and mailed together when enough ticks have come.
//!
//! Each is a [`Mailer`] (`mailers`): which event it gathers, and the line it makes of it. A mail that the server does not take is
//! told on stderr and dropped with its batch, as by the reference. Deliberately absent: a clock. Minutes are counted by the
//! daemon's ticks.

use std::process::ExitCode;

use wire::listener::{Headers, Notification};

use crate::clock;
use crate::mail::message::Message;
use crate::mail::smtp::{self, Server};
use crate::options::{self, Found, HELP, Manner, Opt, Parsed};
use crate::protocol::{self, Over};
use crate::python;
use crate::stage::{SERVER_URL, Stage};

/// Messages kept for one mail; of more only their number is told.
const MESSAGES: usize = 10_000;
/// Characters of a mail's body that are shown on stderr.
const DIGEST: usize = 76;

/// What makes one mailer differ from the others.
pub struct Mailer {
    /// The program's name.
    pub program: &'static str,
    /// What it is for, in its usage text.
    pub purpose: &'static str,
    /// The event that it gathers.
    pub event: &'static str,
    /// The subject where none is given.
    pub subject: Option<&'static str>,
    /// The line for a process that was lost.
    pub line: fn(&Loss<'_>) -> String,
}

/// A process that exited unexpectedly or could not be started, as its event tells.
pub struct Loss<'a> {
    /// Its group.
    pub group: &'a str,
    /// Its name.
    pub process: &'a str,
    /// The process id that it had.
    pub pid: &'a str,
    /// When it was heard of, as in a log.
    pub time: String,
}

impl<'a> Loss<'a> {
    fn of(words: &'a Headers) -> Self {
        let word = |name| words.get(name).unwrap_or("?");
        Self { group: word("groupname"), process: word("processname"), pid: word("pid"), time: clock::log_time() }
    }
}

const TABLE: &[Opt] = &[
    HELP,
    Opt {
        short: Some('i'),
        long: "interval",
        value: Some("MINUTES"),
        help: "mail this often, if there is news (default: 1.0)",
    },
    Opt {
        short: Some('t'),
        long: "toEmail",
        value: Some("ADDRESSES"),
        help: "mail to these addresses, set apart by commas (required)",
    },
    Opt { short: Some('f'), long: "fromEmail", value: Some("ADDRESS"), help: "mail from this address (required)" },
    Opt { short: Some('s'), long: "subject", value: Some("TEXT"), help: "the mail's subject" },
    Opt {
        short: Some('H'),
        long: "smtpHost",
        value: Some("HOST[:PORT]"),
        help: "the mail server (default: localhost)",
    },
    Opt {
        short: Some('e'),
        long: "tickEvent",
        value: Some("EVENT"),
        help: "count minutes by this event (default: TICK_60)",
    },
    Opt { short: Some('u'), long: "userName", value: Some("NAME"), help: "log in to the mail server as this user" },
    Opt { short: Some('p'), long: "password", value: Some("WORD"), help: "and with this password" },
    Opt { short: None, long: "tls", value: None, help: "talk to the mail server over TLS (STARTTLS)" },
];

/// True if a PROCESS_STATE_EXITED event tells of an exit that the configuration does not expect.
#[must_use]
pub fn is_unexpected(words: &Headers) -> bool {
    words.get("expected").and_then(python::integer).unwrap_or(0) == 0
}

impl Mailer {
    /// The program.
    pub fn main(&'static self) -> ExitCode {
        Stage::real(self.program, |stage| self.run(stage))
    }

    /// Runs it on a stage; its exit status.
    pub fn run(&'static self, stage: &mut Stage) -> u8 {
        match Batch::of(stage, self) {
            Ok(mut batch) => protocol::serve(stage, |stage, event| batch.heard(stage, event)),
            Err(status) => status,
        }
    }
}

struct Batch {
    mailer: &'static Mailer,
    interval: f64,
    tick: String,
    tick_minutes: f64,
    from: String,
    to: Vec<String>,
    subject: Option<String>,
    server: Server,
    minutes: f64,
    lines: Vec<String>,
    left_out: usize,
}

impl Batch {
    fn of(stage: &mut Stage, mailer: &'static Mailer) -> Result<Self, u8> {
        let parsed =
            options::parse(TABLE, Manner::Optparse, &stage.arguments).map_err(|why| stop(stage, &why.to_string()))?;
        let interval = match parsed.found.iter().rev().find(|found| found.long == "interval") {
            Some(found) => number(found).map_err(|why| stop(stage, &why))?,
            None => 1.0,
        };
        if parsed.has(HELP.long) {
            stage.print(&usage(mailer));
            return Err(0);
        }
        let given = |name: &str| parsed.last(name).filter(|text| !text.is_empty());
        let (Some(to), Some(from)) = (given("toEmail"), given("fromEmail")) else {
            stage.complain("both --toEmail and --fromEmail are needed");
            stage.print(&usage(mailer));
            return Err(1);
        };
        if stage.variable(SERVER_URL).is_none() {
            stage.say("Must run as a supervisor event listener\n");
            return Err(1);
        }
        let tick = parsed.last("tickEvent").unwrap_or_else(|| "TICK_60".to_owned());
        let Some(seconds) = tick.strip_prefix("TICK_").and_then(python::integer) else {
            stage.complain(&format!("Invalid TICK event name: {tick}"));
            return Err(1);
        };
        Ok(Self {
            mailer,
            interval,
            tick,
            // As exact as a listener needs: no tick has more seconds than a double has digits.
            tick_minutes: seconds as f64 / 60.0,
            from,
            to: to.split(',').map(|address| address.trim().to_owned()).collect(),
            subject: parsed.last("subject").or_else(|| mailer.subject.map(str::to_owned)),
            server: server(&parsed),
            minutes: 0.0,
            lines: Vec::new(),
            left_out: 0,
        })
    }

    fn heard(&mut self, stage: &mut Stage, event: &Notification) -> Result<(), Over> {
        if event.event_name() == self.mailer.event {
            let words = event.body()?.0;
            // Only exits say whether they were expected.
            if is_unexpected(&words) {
                let line = (self.mailer.line)(&Loss::of(&words));
                stage.say(&format!("{line}\n"));
                self.gather(line);
            }
        } else if event.event_name() == self.tick {
            self.minutes += self.tick_minutes;
            if self.minutes >= self.interval {
                self.send(stage);
                self.minutes = 0.0;
            }
        }
        Ok(())
    }

    fn gather(&mut self, line: String) {
        if self.lines.len() < MESSAGES {
            self.lines.push(line);
        } else {
            self.left_out += 1;
        }
    }

    fn send(&mut self, stage: &mut Stage) {
        if self.lines.is_empty() {
            return;
        }
        if self.left_out > 0 {
            self.lines.push(format!("... and {} more", self.left_out));
        }
        let body = self.lines.join("\n");
        let message = Message { from: self.from.clone(), to: self.to.clone(), subject: self.subject.clone(), body };
        if let Err(why) = smtp::send(&self.server, &message) {
            stage.say(&format!("Error sending email: {why}\n"));
        }
        stage.say(&digest(&message));
        self.lines.clear();
        self.left_out = 0;
    }
}

/// What a mail's sending leaves in the listener's log.
fn digest(message: &Message) -> String {
    let mut body: String = message.body.chars().take(DIGEST).collect();
    if body.len() < message.body.len() {
        body.push_str("...");
    }
    format!(
        "Sending notification email:\nTo: {}\nFrom: {}\nSubject: {}\nBody:\n{body}\n",
        message.to.join(", "),
        message.from,
        message.subject.as_deref().unwrap_or("None"),
    )
}

fn server(parsed: &Parsed) -> Server {
    let given = |name: &str| parsed.last(name).unwrap_or_default();
    Server {
        host: parsed.last("smtpHost").unwrap_or_else(|| "localhost".to_owned()),
        user: given("userName"),
        password: given("password"),
        tls: parsed.has("tls"),
    }
}

fn number(found: &Found) -> Result<f64, String> {
    let bad =
        || format!("option {}: invalid floating-point value: {}", found.written, wire::python::repr(&found.value));
    found.value.trim().parse().map_err(|_| bad())
}

/// Say what is wrong with the arguments in the words of optparse; the status for it.
fn stop(stage: &mut Stage, why: &str) -> u8 {
    let program = stage.program;
    stage.say(&format!("Usage: {program} [options]\n\n{program}: error: {why}\n"));
    2
}

fn usage(mailer: &Mailer) -> String {
    options::usage(&format!("{} [options]", mailer.program), mailer.purpose, TABLE)
}
