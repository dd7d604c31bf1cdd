//! What the page can do to programs, and the sentence that tells how it went (the reference's, where it has one).
//!
//! Deliberately absent: asking control, and what becomes of it when the client goes (that is `desk`).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use engine::action::Overview;
use engine::{Answer, Request};
use jiff::Zoned;
use model::{Fault, FaultCode, Namespec, Value, namespec};
use serde::{Deserialize, Serialize};

use super::super::query::Form;

/// To one program, one group, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Verb {
    Start,
    Stop,
    Restart,
    ClearLog,
}

/// Whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Whom {
    Program(String),
    Group(String),
    All,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::front) enum Task {
    /// Nothing.
    Refresh,
    /// Something.
    Do(Doing),
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::front) struct Doing {
    verb: Verb,
    whom: Whom,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::front) struct Outcome {
    /// For the person.
    pub message: String,
    /// It did not work.
    pub failed: bool,
}

impl Task {
    /// Reads `action=` with `processname=` (one program) or `group=`; `None` if they make no sense.
    pub fn parse(form: &Form, action: &str) -> Option<Self> {
        let all = |verb| Some(Self::Do(Doing { verb, whom: Whom::All }));
        let verb = match action {
            "refresh" => return Some(Self::Refresh),
            "startall" => return all(Verb::Start),
            "stopall" => return all(Verb::Stop),
            "restartall" => return all(Verb::Restart),
            "clearall" => return all(Verb::ClearLog),
            "start" => Verb::Start,
            "stop" => Verb::Stop,
            "restart" => Verb::Restart,
            "clearlog" => Verb::ClearLog,
            _ => return None,
        };
        let whom = match (form.get("processname"), form.get("group")) {
            (Some(name), _) => Whom::Program(name.to_owned()),
            (None, Some(group)) => Whom::Group(group.to_owned()),
            (None, None) => return None,
        };
        Some(Self::Do(Doing { verb, whom }))
    }

    /// Whether it needs to come from somebody who means it.
    pub fn changes_something(&self) -> bool {
        *self != Self::Refresh
    }
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Do(doing) = self else { return out.write_str("Refresh") };
        let verb = match doing.verb {
            Verb::Start => "Start",
            Verb::Stop => "Stop",
            Verb::Restart => "Restart",
            Verb::ClearLog => "Clear the log of",
        };
        match &doing.whom {
            Whom::Program(name) => write!(out, "{verb} {name}"),
            Whom::Group(name) => write!(out, "{verb} group {name}"),
            Whom::All => write!(out, "{verb} all programs"),
        }
    }
}

impl Doing {
    /// What is asked of control, in order.
    fn steps(&self) -> VecDeque<Step> {
        let methods: &[&str] = match (&self.whom, self.verb) {
            // The page knows programs only: `group:*` is the name of none.
            (Whom::Program(name), _) if Namespec::parse(name).process.is_none() => &[],
            (Whom::Program(_), Verb::Start) => &["startProcess"],
            (Whom::Program(_), Verb::Stop) => &["stopProcess"],
            (Whom::Program(_), Verb::Restart) => &["stopProcess", "startProcess"],
            (Whom::Program(_), Verb::ClearLog) => &["clearProcessLogs"],
            (Whom::Group(_), Verb::Start) => &["startProcessGroup"],
            (Whom::Group(_), Verb::Stop) => &["stopProcessGroup"],
            (Whom::Group(_), Verb::Restart) => &["stopProcessGroup", "startProcessGroup"],
            // The interface has no method for it.
            (Whom::Group(_), Verb::ClearLog) => return VecDeque::from([Step::FindMembers]),
            (Whom::All, Verb::Start) => &["startAllProcesses"],
            (Whom::All, Verb::Stop) => &["stopAllProcesses"],
            (Whom::All, Verb::Restart) => &["stopAllProcesses", "startAllProcesses"],
            (Whom::All, Verb::ClearLog) => &["clearAllProcessLogs"],
        };
        let name = match &self.whom {
            Whom::Program(name) | Whom::Group(name) => Some(name.clone()),
            Whom::All => None,
        };
        methods.iter().map(|&method| Step::Call { method: method.to_owned(), name: name.clone() }).collect()
    }

    /// How it went, by the answer to the last step.
    fn outcome(&self, result: Result<Value, Fault>) -> Outcome {
        match &self.whom {
            Whom::Program(name) => self.on_program(name, result),
            Whom::Group(group) => self.on_group(group, result),
            Whom::All => self.on_all(result),
        }
    }

    fn on_program(&self, name: &str, result: Result<Value, Fault>) -> Outcome {
        match (self.verb, result) {
            (_, Err(fault)) if fault.code == FaultCode::BadName => bad(format!("No such process named {name}")),
            (Verb::Start, Ok(_)) => good(format!("Process {name} started")),
            (Verb::Start, Err(fault)) => bad(format!("ERROR: Process {name}: {}", why(&fault))),
            (Verb::Restart, _) => good(format!("Process {name} restarted")),
            (Verb::Stop, Ok(_)) => good(format!("Process {name} stopped")),
            (Verb::ClearLog, Ok(_)) => good(format!("Log for {name} cleared")),
            (Verb::Stop | Verb::ClearLog, Err(fault)) => bad(unexpected(&fault)),
        }
    }

    fn on_group(&self, group: &str, result: Result<Value, Fault>) -> Outcome {
        let done = match self.verb {
            Verb::Start => "started",
            Verb::Stop => "stopped",
            Verb::Restart => "restarted",
            Verb::ClearLog => "cleared of its logs",
        };
        match result {
            Ok(rows) => summary(&rows, &format!("Group {group} {done}")),
            Err(fault) if fault.code == FaultCode::BadName => bad(format!("No such group named {group}")),
            Err(fault) => bad(unexpected(&fault)),
        }
    }

    fn on_all(&self, result: Result<Value, Fault>) -> Outcome {
        let done = match self.verb {
            Verb::Start => "All started",
            Verb::Stop => "All stopped",
            Verb::Restart => "All restarted",
            Verb::ClearLog => "All logs cleared",
        };
        let rows = match result {
            Ok(rows) => rows,
            Err(fault) => return bad(unexpected(&fault)),
        };
        let message = format!("{done} at {}", now());
        // The reference tells no failures of single programs here, and scripts compare the sentence.
        match self.verb {
            Verb::Stop | Verb::Restart => good(message),
            Verb::Start | Verb::ClearLog => summary(&rows, &message),
        }
    }
}

/// A question to control.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Step {
    /// A method, with a name if it takes one.
    Call { method: String, name: Option<String> },
    /// Who is in the group; each of them is a step more.
    FindMembers,
}

/// How far something is done: plain data, so that the daemon's successor can go on with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::front) struct Progress {
    doing: Doing,
    left: VecDeque<Step>,
    result: Result<Value, Fault>,
}

impl Progress {
    /// Nothing is done yet.
    pub fn new(doing: Doing) -> Self {
        let left = doing.steps();
        let result = if left.is_empty() { Err(Fault::bare(FaultCode::BadName)) } else { Ok(Value::Nil) };
        Self { doing, left, result }
    }

    /// The next question.
    pub fn next(&mut self) -> Option<Request> {
        Some(match self.left.pop_front()? {
            Step::Call { method, name: given } => {
                let name = format!("supervisor.{method}");
                Request::Method { name, params: given.into_iter().map(Value::from).collect() }
            }
            Step::FindMembers => Request::Overview,
        })
    }

    /// An answer to it. What stopping a program says does not matter when it is restarted: it may have been stopped before.
    pub fn take_in(&mut self, answer: Result<Answer, Fault>) {
        self.result = match answer {
            Ok(Answer::Overview(overview)) => self.found(&overview),
            Ok(Answer::Value(value)) => Ok(value),
            Ok(Answer::Shared(value)) => Ok(Arc::unwrap_or_clone(value)),
            Ok(Answer::Fault(fault)) | Err(fault) => Err(fault),
            // Control answers what is asked here by one of those above.
            Ok(Answer::Path(_) | Answer::Read(_)) => Err(Fault::bare(FaultCode::Failed)),
        };
        let goes_on = match (&self.doing.whom, &self.result) {
            (_, Ok(_)) => true,
            (Whom::Program(_), Err(fault)) => fault.code != FaultCode::BadName,
            (Whom::Group(_) | Whom::All, Err(_)) => false,
        };
        if !goes_on {
            self.left.clear();
        }
    }

    fn found(&mut self, overview: &Overview) -> Result<Value, Fault> {
        let Whom::Group(group) = &self.doing.whom else { return Ok(Value::Nil) };
        let members = overview.processes.iter().filter(|program| program.group == *group);
        self.left.extend(members.map(|program| {
            let name = Some(namespec(group, &program.name));
            Step::Call { method: "clearProcessLogs".to_owned(), name }
        }));
        if self.left.is_empty() { Err(Fault::about(FaultCode::BadName, group)) } else { Ok(Value::Nil) }
    }

    /// How it went.
    pub fn outcome(&mut self) -> Outcome {
        self.doing.outcome(std::mem::replace(&mut self.result, Ok(Value::Nil)))
    }
}

/// The sentence if all went well, or what did not: rows of a group's or all programs' results.
fn summary(rows: &Value, message: &str) -> Outcome {
    let Value::Array(rows) = rows else { return good(message.to_owned()) };
    let failures: Vec<String> = rows
        .iter()
        .filter(|row| row.member("status").and_then(Value::as_int) != Some(FaultCode::Success.number()))
        .map(|row| {
            let text = |name| row.member(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", namespec(text("group"), text("name")), text("description"))
        })
        .collect();
    if failures.is_empty() {
        good(message.to_owned())
    } else {
        bad(format!("{message}, except {}", failures.join(", ")))
    }
}

fn why(fault: &Fault) -> String {
    match fault.code {
        FaultCode::NoFile => "no such file".to_owned(),
        FaultCode::NotExecutable => "file not executable".to_owned(),
        FaultCode::AlreadyStarted => "already started".to_owned(),
        FaultCode::SpawnError => "spawn error".to_owned(),
        FaultCode::AbnormalTermination => "abnormal termination".to_owned(),
        _ => unexpected(fault),
    }
}

/// Words for a fault that the page has none of its own for.
pub(super) fn unexpected(fault: &Fault) -> String {
    format!("unexpected rpc fault [{}] {}", fault.code.number(), fault.text)
}

/// The page was read anew.
pub(super) fn refreshed() -> Outcome {
    good(format!("Page refreshed at {}", now()))
}

fn good(message: String) -> Outcome {
    Outcome { message, failed: false }
}

fn bad(message: String) -> Outcome {
    Outcome { message, failed: true }
}

/// The time as C's `ctime` writes it.
fn now() -> impl fmt::Display {
    Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}
