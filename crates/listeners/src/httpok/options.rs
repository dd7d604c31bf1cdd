//! The options of `httpok`.

use std::time::Duration;

use crate::options::{self, HELP, Opt, Parsed};
use crate::stage::Stage;
use crate::{mail, python};

const TABLE: &[Opt] = &[
    HELP,
    Opt {
        short: Some('p'),
        long: "program",
        value: Some("NAME"),
        help: "restart this process (name or group:name) if it is RUNNING; may be given more than once",
    },
    Opt { short: Some('a'), long: "any", value: None, help: "restart every RUNNING process, whatever -p says" },
    Opt {
        short: Some('t'),
        long: "timeout",
        value: Some("SECONDS"),
        help: "the URL has this long for its whole answer (default: 10)",
    },
    Opt {
        short: Some('c'),
        long: "code",
        value: Some("STATUS"),
        help: "an HTTP status that is well (default: 200); may be given more than once",
    },
    Opt { short: Some('b'), long: "body", value: Some("TEXT"), help: "the answer's body must hold this text" },
    Opt {
        short: Some('s'),
        long: "sendmail_program",
        value: Some("COMMAND"),
        help: "give mails to this command (default: /usr/sbin/sendmail -t -i)",
    },
    Opt { short: Some('m'), long: "email", value: Some("ADDRESS"), help: "mail to this address what was done" },
    Opt {
        short: Some('g'),
        long: "gcore",
        value: Some("COMMAND"),
        help: "the command that writes core files, given a file name and a process id (default: /usr/bin/gcore -o)",
    },
    Opt {
        short: Some('d'),
        long: "coredir",
        value: Some("FOLDER"),
        help: "write a core file of each process into this folder before it is restarted",
    },
    Opt { short: Some('e'), long: "eager", value: None, help: "check even if nothing that is watched runs (default)" },
    Opt { short: Some('E'), long: "not-eager", value: None, help: "check only if something that is watched runs" },
    Opt { short: Some('n'), long: "name", value: Some("NAME"), help: "call this httpok so in the mails' subjects" },
];

/// What was asked for.
#[derive(Debug)]
pub struct Options {
    pub programs: Vec<String>,
    pub any: bool,
    pub url: String,
    pub timeout: Duration,
    pub statuses: Vec<i64>,
    pub body: Option<String>,
    pub sendmail: String,
    pub email: Option<String>,
    pub gcore: String,
    pub coredir: Option<String>,
    pub eager: bool,
    pub name: Option<String>,
}

impl Options {
    /// Read them; if the program is to end at once, with which status.
    pub fn of(stage: &mut Stage) -> Result<Self, u8> {
        let usage = options::usage(
            "httpok [-p name]... [-a] [-t seconds] [-c status]... [-b text] [-m address] [-s command] [-g command] [-d folder] [-e|-E] [-n name] URL",
            "Restarts processes when the URL does not answer as it should.\n\
             It is an event listener for TICK_5, TICK_60 or TICK_3600 events.",
            TABLE,
        );
        let parsed = stage.options(TABLE, &usage)?;
        let [url] = &parsed.rest[..] else {
            return Err(stage.misused("exactly one URL is needed", &usage));
        };
        Self::checked(&parsed, url).map_err(|why| {
            stage.complain(&why);
            1
        })
    }

    fn checked(parsed: &Parsed, url: &str) -> Result<Self, String> {
        let number = |text: &String| python::integer(text).ok_or_else(|| format!("{text:?} is no number"));
        let seconds = parsed.last("timeout").map_or(Ok(10), |text| number(&text))?;
        let timeout = u64::try_from(seconds).ok().filter(|&seconds| seconds > 0);
        let timeout = timeout.ok_or_else(|| format!("a timeout of {seconds} s leaves no time for an answer"))?;
        let mut statuses = parsed.all("code").iter().map(number).collect::<Result<Vec<_>, _>>()?;
        if statuses.is_empty() {
            statuses.push(200);
        }
        let eagerness = parsed.found.iter().rev().find(|found| found.long.ends_with("eager"));
        Ok(Self {
            programs: parsed.all("program"),
            any: parsed.has("any"),
            url: url.to_owned(),
            timeout: Duration::from_secs(timeout),
            statuses,
            body: parsed.last("body"),
            sendmail: parsed.last("sendmail_program").unwrap_or_else(|| mail::SENDMAIL.to_owned()),
            email: parsed.last("email"),
            gcore: parsed.last("gcore").unwrap_or_else(|| "/usr/bin/gcore -o".to_owned()),
            coredir: parsed.last("coredir").filter(|folder| !folder.is_empty()),
            eager: eagerness.is_none_or(|found| found.long == "eager"),
            name: parsed.last("name"),
        })
    }
}
