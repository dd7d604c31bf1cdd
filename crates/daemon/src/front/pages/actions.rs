//! What the page can do to programs, and the sentence that tells how it went (the reference's, where it has one).
//!
//! A task is done to its end even if the client goes: a browser that leaves during `restartall` leaves nothing stopped.

use std::fmt;
use std::rc::Rc;

use engine::{Answer, Request};
use jiff::Zoned;
use model::{Fault, FaultCode, Namespec, Value, namespec};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::super::calls;
use super::super::query::Form;
use super::super::serve::Front;

/// To one program, one group, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    Restart,
    ClearLog,
}

/// Whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::front) struct Doing {
    verb: Verb,
    whom: Whom,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
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

    /// Does it, in a task of its own; `None` if the daemon ends meanwhile.
    pub async fn perform(self, front: &Rc<Front>) -> Option<Outcome> {
        let Self::Do(doing) = self else { return Some(good(format!("Page refreshed at {}", now()))) };
        let (done, outcome) = oneshot::channel();
        let front = Rc::clone(front);
        spawn_local(async move {
            let _ = done.send(doing.perform(&front).await);
        });
        outcome.await.ok()
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
    async fn perform(&self, front: &Front) -> Outcome {
        match &self.whom {
            Whom::Program(name) => self.to_program(front, name).await,
            Whom::Group(name) => self.to_group(front, name).await,
            Whom::All => self.to_all(front).await,
        }
    }

    async fn to_program(&self, front: &Front, name: &str) -> Outcome {
        // The page knows programs only: `group:*` is the name of none.
        let unknown = || bad(format!("No such process named {name}"));
        if Namespec::parse(name).process.is_none() {
            return unknown();
        }
        let methods: &[&str] = match self.verb {
            Verb::Start => &["startProcess"],
            Verb::Stop => &["stopProcess"],
            // What stopping it says does not matter: it may have been stopped before.
            Verb::Restart => &["stopProcess", "startProcess"],
            Verb::ClearLog => &["clearProcessLogs"],
        };
        let mut result = Ok(Value::Nil);
        for method in methods {
            result = call(front, method, name).await;
            if matches!(&result, Err(fault) if fault.code == FaultCode::BadName) {
                return unknown();
            }
        }
        match (self.verb, result) {
            (Verb::Start, Ok(_)) => good(format!("Process {name} started")),
            (Verb::Start, Err(fault)) => bad(format!("ERROR: Process {name}: {}", why(&fault))),
            (Verb::Restart, _) => good(format!("Process {name} restarted")),
            (Verb::Stop, Ok(_)) => good(format!("Process {name} stopped")),
            (Verb::ClearLog, Ok(_)) => good(format!("Log for {name} cleared")),
            (Verb::Stop | Verb::ClearLog, Err(fault)) => bad(unexpected(&fault)),
        }
    }

    async fn to_group(&self, front: &Front, group: &str) -> Outcome {
        let result = match self.verb {
            Verb::Start => call(front, "startProcessGroup", group).await,
            Verb::Stop => call(front, "stopProcessGroup", group).await,
            Verb::Restart => match call(front, "stopProcessGroup", group).await {
                Ok(_) => call(front, "startProcessGroup", group).await,
                fault => fault,
            },
            Verb::ClearLog => clear_group(front, group).await,
        };
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

    async fn to_all(&self, front: &Front) -> Outcome {
        let (methods, done): (&[&str], _) = match self.verb {
            Verb::Start => (&["startAllProcesses"], "All started"),
            Verb::Stop => (&["stopAllProcesses"], "All stopped"),
            Verb::Restart => (&["stopAllProcesses", "startAllProcesses"], "All restarted"),
            Verb::ClearLog => (&["clearAllProcessLogs"], "All logs cleared"),
        };
        let mut last = Value::Nil;
        for method in methods {
            match calls::method(front, format!("supervisor.{method}"), Vec::new()).await {
                Ok(rows) => last = rows,
                Err(fault) => return bad(unexpected(&fault)),
            }
        }
        let message = format!("{done} at {}", now());
        // The reference tells no failures of single programs here, and scripts compare the sentence.
        match self.verb {
            Verb::Stop | Verb::Restart => good(message),
            Verb::Start | Verb::ClearLog => summary(&last, &message),
        }
    }
}

async fn call(front: &Front, method: &str, name: &str) -> Result<Value, Fault> {
    calls::method(front, format!("supervisor.{method}"), vec![Value::from(name.to_owned())]).await
}

/// Clears the logs of each program of a group: the interface has no method for it.
async fn clear_group(front: &Front, group: &str) -> Result<Value, Fault> {
    let Answer::Overview(overview) = calls::ask(front, Request::Overview).await? else {
        return Err(Fault::bare(FaultCode::Failed));
    };
    let members: Vec<_> = overview.processes.iter().filter(|program| program.group == group).collect();
    if members.is_empty() {
        return Err(Fault::about(FaultCode::BadName, group));
    }
    for member in members {
        call(front, "clearProcessLogs", &namespec(group, &member.name)).await?;
    }
    Ok(Value::Nil)
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
