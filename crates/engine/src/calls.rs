//! Calls that wait: each gets exactly one reply, when what it waits for has happened. Nothing is polled.
//!
//! A call waits for a state of a process (a [`Waiter`] at that process) or for an answer of the world (a
//! [`Question`]). A call about several processes has a part for each and is answered with the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use config::GroupConfig;
use model::{Fault, FaultCode, Moment, Value, limits};
use serde::{Deserialize, Serialize};

use crate::action::{Action, Answer};
use crate::engine::Engine;
use crate::input::{CallId, ProcessId, Ticket};

/// A call, or the part of one that is about one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) call: CallId,
    /// Its place among the call's parts; `None` if it is the whole call.
    pub(crate) place: Option<usize>,
}

/// What a waiting call wants of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wanted {
    /// RUNNING, or only a child if it does not care for more.
    Start { wait: bool },
    /// To be stopped.
    Stop,
}

/// A call that waits for a state of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiter {
    pub(crate) part: Part,
    /// The process as the client named it.
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
}

/// What the world was asked.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// `Action::PrepareGroup`: at the start, or for a call.
    Prepare { group: Arc<GroupConfig>, call: Option<CallId> },
    /// `Action::CheckCommand`.
    Check { part: Part, process: ProcessId, name: String, wait: bool },
    /// `Action::ReadConfig`.
    Read { call: CallId },
    /// `Action::ClearLogs`.
    Clear { part: Part, name: String },
    /// `Action::ClearMainLog`.
    ClearMain { call: CallId },
}

/// The result of a part.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    group: Arc<str>,
    name: String,
    done: Option<(Order, Result<(), Fault>)>,
}

/// Where a result stands in the answer: what came at once, then by time, then by the order of the processes.
type Order = (bool, u64, usize);

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Open {
    /// Answered at once or by one process; which, so that a client that leaves is forgotten.
    One { on: Option<ProcessId> },
    /// `sendProcessStdin`, and the name that was given.
    Stdin { name: String },
    /// About several processes.
    Many { began: Moment, rows: Vec<(ProcessId, Row)>, left: usize },
}

/// All calls that have not been answered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    open: BTreeMap<CallId, Open>,
    #[serde(skip)]
    questions: BTreeMap<Ticket, Question>,
    next_ticket: u64,
}

/// Results that come within this time count as simultaneous and keep the order of the processes: the reference looks
/// at its waiting calls that often.
const SIMULTANEOUS: Duration = Duration::from_millis(50);

impl Calls {
    /// The calls that wait for processes. Those behind a question could never be answered and are left out.
    pub(crate) fn without_questions(&self) -> Self {
        let mut calls = self.clone();
        for question in std::mem::take(&mut calls.questions).into_values() {
            let asked = match question {
                Question::Prepare { call, .. } => call,
                Question::Check { part, .. } | Question::Clear { part, .. } => Some(part.call),
                Question::Read { call } | Question::ClearMain { call } => Some(call),
            };
            if let Some(call) = asked {
                calls.open.remove(&call);
            }
        }
        calls
    }
}

impl Engine {
    /// Note a call that is about to be dealt with. False if too many wait: it has been refused.
    pub(crate) fn open_call(&mut self, call: CallId) -> bool {
        if self.calls.open.len() >= limits::CALLS_WAITING {
            let fault = Fault::about(FaultCode::Failed, "too many calls are waiting");
            self.act(Action::Reply { call, answer: Answer::Fault(fault) });
            return false;
        }
        self.calls.open.insert(call, Open::One { on: None });
        true
    }

    /// Answer a call, once.
    pub(crate) fn reply(&mut self, call: CallId, answer: Answer) {
        if self.calls.open.remove(&call).is_some() {
            self.act(Action::Reply { call, answer });
        }
    }

    /// Answer a call with `true` or a fault.
    pub(crate) fn reply_result(&mut self, call: CallId, result: Result<(), Fault>) {
        let answer = match result {
            Ok(()) => Answer::Value(Value::Bool(true)),
            Err(fault) => Answer::Fault(fault),
        };
        self.reply(call, answer);
    }

    /// Ask the world; the answer comes with the ticket.
    pub(crate) fn ask(&mut self, question: Question) -> Ticket {
        let ticket = Ticket(self.calls.next_ticket);
        self.calls.next_ticket += 1;
        self.calls.questions.insert(ticket, question);
        ticket
    }

    /// What was asked with this ticket; `None` for an answer that nobody waits for.
    pub(crate) fn answered(&mut self, ticket: Ticket) -> Option<Question> {
        let question = self.calls.questions.remove(&ticket);
        if question.is_none() {
            self.debug(|| format!("an answer to ticket {} that was not asked for is ignored", ticket.0));
        }
        question
    }

    /// Whether a call waits for its answer.
    #[must_use]
    pub fn knows(&self, call: CallId) -> bool {
        self.calls.open.contains_key(&call)
    }

    /// Questions to the world that have not been answered, and calls that came while programs are started together.
    #[must_use]
    pub fn open_questions(&self) -> usize {
        self.calls.questions.len() + self.batch.early()
    }

    /// The call has one part for each of these processes, in the order in which their results are told.
    pub(crate) fn open_parts(&mut self, call: CallId, processes: &[ProcessId]) {
        let row = |id: &ProcessId| {
            let process = self.processes.get(id)?;
            Some((*id, Row { group: Arc::clone(&process.group), name: process.config.name.clone(), done: None }))
        };
        let rows: Vec<_> = processes.iter().filter_map(row).collect();
        let left = rows.len();
        self.calls.open.insert(call, Open::Many { began: self.now, rows, left });
        if left == 0 {
            self.reply(call, Answer::Value(Value::Array(Vec::new())));
        }
    }

    /// Wait for a state of a process.
    pub(crate) fn wait_for(&mut self, id: ProcessId, waiter: Waiter) {
        if let Some(Open::One { on }) = self.calls.open.get_mut(&waiter.part.call) {
            *on = Some(id);
        }
        if let Some(process) = self.processes.get_mut(&id) {
            process.waiters.push(waiter);
        }
    }

    /// The call waits until the world has taken its bytes.
    pub(crate) fn wait_for_stdin(&mut self, call: CallId, name: String) {
        self.calls.open.insert(call, Open::Stdin { name });
    }

    pub(crate) fn stdin_taken(&mut self, call: CallId, taken: bool) {
        if let Some(Open::Stdin { name }) = self.calls.open.get(&call) {
            let result = if taken { Ok(()) } else { Err(Fault::about(FaultCode::NoFile, name)) };
            self.reply_result(call, result);
        }
    }

    /// A part is done. `at_once` results come before all others, in the order of the processes.
    pub(crate) fn part_done(&mut self, part: Part, at_once: bool, result: Result<(), Fault>) {
        let Some(place) = part.place else { return self.reply_result(part.call, result) };
        let now = self.now;
        let Some(Open::Many { began, rows, left }) = self.calls.open.get_mut(&part.call) else { return };
        let Some((_, row)) = rows.get_mut(place).filter(|(_, row)| row.done.is_none()) else { return };
        let tick = now.since(*began).as_nanos() / SIMULTANEOUS.as_nanos();
        let tick = if at_once { 0 } else { u64::try_from(tick).unwrap_or(u64::MAX) };
        row.done = Some(((!at_once, tick, place), result));
        *left -= 1;
        if *left == 0 {
            let answer = results(rows);
            self.reply(part.call, Answer::Value(answer));
        }
    }

    /// True if the call's parts are dealt with at the moment of the call.
    pub(crate) fn is_new(&self, part: Part) -> bool {
        matches!(self.calls.open.get(&part.call), Some(Open::Many { began, .. }) if *began == self.now)
    }

    /// The client has gone: nothing waits for it any more. What it asked for goes on.
    pub(crate) fn hung_up(&mut self, call: CallId) {
        self.forget_early(call);
        let on: Vec<ProcessId> = match self.calls.open.remove(&call) {
            Some(Open::One { on }) => on.into_iter().collect(),
            Some(Open::Many { rows, .. }) => rows.into_iter().map(|(id, _)| id).collect(),
            Some(Open::Stdin { .. }) | None => Vec::new(),
        };
        for id in on {
            if let Some(process) = self.processes.get_mut(&id) {
                process.waiters.retain(|waiter| waiter.part.call != call);
            }
        }
    }

    /// The end: whoever still waits is told that the daemon shuts down.
    pub(crate) fn refuse_all(&mut self) {
        let open: Vec<CallId> = self.calls.open.keys().copied().collect();
        for call in open {
            self.reply(call, Answer::Fault(Fault::bare(FaultCode::ShutdownState)));
        }
        self.calls.questions.clear();
    }
}

/// The results of all parts, those that came at once first.
fn results(rows: &mut Vec<(ProcessId, Row)>) -> Value {
    rows.sort_by_key(|(_, row)| row.done.as_ref().map(|(key, _)| *key));
    let rows = std::mem::take(rows).into_iter().filter_map(|(_, row)| {
        let (_, result) = row.done?;
        let (status, description) = match result {
            Ok(()) => (FaultCode::Success, "OK".into()),
            Err(Fault { code, text }) => (code, text),
        };
        Some(Value::Struct(vec![
            ("name".into(), row.name.into()),
            ("group".into(), Value::str(row.group.to_string())),
            ("status".into(), status.number().into()),
            ("description".into(), description.into()),
        ]))
    });
    Value::Array(rows.collect())
}
