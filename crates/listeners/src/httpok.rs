//! `httpok`: restarts processes when a URL does not answer as it should, at each tick.
//!
//! Other than the reference's: the time limit covers the whole exchange, so that no server holds it longer; `-b` looks into
//! the body; `-E` knows `-a` and `group:name`; httpok does not stop itself; a URL may be `unix:///socket:/path`.
//! As there, a refused connection is acted on at once, and redirects are answers.

mod options;

use std::process::ExitCode;
use std::time::Duration;

use model::name::namespec;
use model::state::ProcessState;
use wire::listener::Notification;

use crate::child::{self, Printed};
use crate::net::http::{self, Question};
use crate::net::rpc::{Daemon, NoDaemon, Process};
use crate::net::url::Url;
use crate::protocol::{self, Over};
use crate::stage::Stage;
use crate::{mail, python};

use options::Options;

/// Bytes of an answer in which `-b` looks for its text.
const BODY: usize = 16 * 1024 * 1024;
/// For gcore to write a core file.
const GCORE_LIMIT: Duration = Duration::from_secs(600);

struct HttpOk {
    options: Options,
    url: Url,
    daemon: Daemon,
}

/// The program.
pub fn main() -> ExitCode {
    Stage::real("httpok", run)
}

/// Runs it on a stage; its exit status.
pub fn run(stage: &mut Stage) -> u8 {
    let options = match Options::of(stage) {
        Ok(options) => options,
        Err(status) => return status,
    };
    let daemon = match Daemon::of(&stage.environment) {
        Ok(daemon) => daemon,
        Err(NoDaemon::Unset) => {
            stage.say("httpok must be run as a supervisor event listener\n");
            return 0;
        }
        Err(why) => {
            stage.complain(&why.to_string());
            return 1;
        }
    };
    match Url::parse(&options.url) {
        Ok(url) => {
            let httpok = HttpOk { options, url, daemon };
            protocol::serve(stage, |stage, event| httpok.heard(stage, event))
        }
        Err(why) => {
            stage.complain(&why.to_string());
            1
        }
    }
}

/// What is wrong with a URL: the mail's subject and first words.
struct Trouble {
    subject: &'static str,
    message: String,
}

impl HttpOk {
    fn heard(&self, stage: &mut Stage, event: &Notification) -> Result<(), Over> {
        if !protocol::is_tick(event) || !(self.options.eager || self.anything_runs(stage)) {
            return Ok(());
        }
        if let Some(trouble) = self.check() {
            self.act(stage, trouble);
        }
        Ok(())
    }

    fn anything_runs(&self, stage: &mut Stage) -> bool {
        match self.daemon.processes() {
            Ok(all) => all.iter().any(|process| process.state == ProcessState::Running && self.watches(process)),
            Err(why) => {
                stage.complain(&format!("cannot tell what runs, not checking: {why}"));
                false
            }
        }
    }

    fn watches(&self, process: &Process) -> bool {
        let named = |name: &String| *name == process.name || *name == namespec(&process.group, &process.name);
        self.options.any || self.options.programs.iter().any(named)
    }

    fn check(&self) -> Option<Trouble> {
        let Options { url, timeout, statuses, body, .. } = &self.options;
        let headers = vec![("Accept-Encoding", "identity".to_owned()), ("User-Agent", "httpok".to_owned())];
        let question =
            Question { url: &self.url, method: "GET", headers, body: Vec::new(), limit: *timeout, room: BODY };
        let (status, message, found) = match http::ask(question) {
            Ok(answer) => {
                let message = format!("status contacting {url}: {} {}", answer.status, answer.reason);
                (Some(i64::from(answer.status)), message, answer.body)
            }
            Err(why) => (None, format!("error contacting {url}:\n\n {why}"), Vec::new()),
        };
        if status.is_none_or(|status| !statuses.contains(&status)) {
            return Some(Trouble { subject: "bad status returned", message });
        }
        let wanted = body.as_deref().unwrap_or_default().as_bytes();
        let has = wanted.is_empty() || found.windows(wanted.len()).any(|part| part == wanted);
        (!has).then_some(Trouble { subject: "bad body returned", message })
    }

    fn act(&self, stage: &mut Stage, trouble: Trouble) {
        let mut report = Report { stage, lines: vec![trouble.message] };
        let processes = match self.daemon.processes() {
            Ok(processes) => processes,
            Err(why) => return report.write(format!("Exception retrieving process info {why}, not acting")),
        };
        let programs = &self.options.programs;
        report.write(match self.options.any {
            true => "Restarting all running processes".to_owned(),
            false => format!("Restarting selected processes {}", python::list(programs)),
        });
        for process in processes.iter().filter(|process| self.watches(process)) {
            self.restart(&mut report, process);
        }
        let is = |name: &String, process: &Process| {
            *name == process.name || *name == namespec(&process.group, &process.name)
        };
        let missing: Vec<String> =
            programs.iter().filter(|name| !processes.iter().any(|process| is(name, process))).cloned().collect();
        if !missing.is_empty() {
            report.write(format!("Programs not restarted because they did not exist: {}", python::list(&missing)));
        }
        let Report { stage, lines } = report;
        self.mail(stage, trouble.subject, &lines.join("\n"));
    }

    fn restart(&self, report: &mut Report, process: &Process) {
        let name = namespec(&process.group, &process.name);
        if process.state != ProcessState::Running {
            return report.write(format!("{name} not in RUNNING state, NOT restarting"));
        }
        if report.stage.own_name() == Some(format!("{}:{}", process.group, process.name)) {
            return report.write(format!("{name} is this httpok, NOT restarting"));
        }
        if let Some(folder) = &self.options.coredir {
            report.write(format!("gcore output for {name}:\n\n {}", self.gcore(folder, &name, process.pid)));
        }
        report.write(format!("{name} is in RUNNING state, restarting"));
        if let Err(why) = self.daemon.stop(&name) {
            report.write(format!("Failed to stop process {name}: {why}"));
        }
        match self.daemon.start(&name) {
            Ok(()) => report.write(format!("{name} restarted")),
            Err(why) => report.write(format!("Failed to start process {name}: {why}")),
        }
    }

    /// Have gcore write a process' memory to a file named as the process; what it says.
    fn gcore(&self, folder: &str, name: &str, pid: i64) -> String {
        let file = std::path::Path::new(folder).join(name).display().to_string();
        let mut command = child::shell(&format!("{} \"$1\" \"$2\"", self.options.gcore));
        command.args(["sh", &file, &pid.to_string()]);
        match child::run(command, b"", Printed::Taken, GCORE_LIMIT) {
            Ok(ended) => String::from_utf8_lossy(&ended.printed).into_owned(),
            Err(why) => why.to_string(),
        }
    }

    fn mail(&self, stage: &mut Stage, subject: &str, text: &str) {
        let Options { email, name, url, sendmail, .. } = &self.options;
        let Some(email) = email else { return };
        let named = name.as_ref().map_or("httpok".to_owned(), |name| format!("httpok [{name}]"));
        let mail = mail::sendmail(stage, sendmail, email, &format!("{named}: {url}: {subject}"), text);
        stage.say(&format!("Mailed:\n\n{mail}"));
    }
}

/// What is said on stderr and in the mail alike.
struct Report<'a, 'b> {
    stage: &'a mut Stage<'b>,
    lines: Vec<String>,
}

impl Report<'_, '_> {
    fn write(&mut self, line: String) {
        self.stage.say(&format!("{line}\n"));
        self.lines.push(line);
    }
}
