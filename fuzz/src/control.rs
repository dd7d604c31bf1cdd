//! A control with a script, behind the fronts that are fuzzed: it answers every kind of question, with names that would
//! break a page that does not escape them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use daemon::front::ClientEvent;
use daemon::mailbox::Receiver;
use engine::action::{Overview, ProcessOverview};
use engine::{Answer, CallId, LogRead, Request};
use model::{Fault, FaultCode, ProcessState, Value};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;

/// In a page this is an element that nobody meant.
pub const EVIL: &str = "<evil";
/// A name with everything that HTML, XML, JSON and addresses give a meaning to.
const NAME: &str = "<evil a='\"'>&%3c;\u{1b}[0m\u{fffe}/ü";

/// What the script has seen.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    asked: u64,
    waiting: BTreeMap<CallId, oneshot::Sender<Answer>>,
}

impl Seen {
    /// Questions so far.
    pub fn asked(&self) -> u64 {
        self.0.lock().unwrap().asked
    }

    /// Answers what waits.
    pub fn release(&self) {
        for reply in std::mem::take(&mut self.0.lock().unwrap().waiting).into_values() {
            let _ = reply.send(Answer::Value(Value::Bool(true)));
        }
    }

    fn heard(&self, event: ClientEvent) {
        let mut state = self.0.lock().unwrap();
        match event {
            ClientEvent::Called { call, request, reply } => {
                state.asked += 1;
                match answer(&request) {
                    Some(answer) => drop(reply.send(answer)),
                    None => assert!(state.waiting.insert(call, reply).is_none(), "two calls have one number"),
                }
            }
            ClientEvent::HungUp { call } => drop(state.waiting.remove(&call)),
            // What belongs to an upgrade, which does not come here.
            _ => {}
        }
    }
}

/// Answers for ever, in a thread of its own.
pub fn serve(receiver: Receiver<ClientEvent>) -> Seen {
    let seen = Seen::default();
    let heard = seen.clone();
    thread::spawn(move || {
        loop {
            let _ = poll(&mut [PollFd::new(&receiver, PollFlags::IN)], None);
            receiver.take().into_iter().for_each(|event| heard.heard(event));
        }
    });
    seen
}

/// A file that can be read.
pub fn log() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into()
}

fn answer(request: &Request) -> Option<Answer> {
    let (name, params) = match request {
        Request::LogPath { name, .. } if name.contains('n') => return Some(Answer::Path(log())),
        Request::LogPath { .. } => return Some(Answer::Fault(Fault::about(FaultCode::BadName, NAME))),
        Request::Overview => return Some(Answer::Overview(overview())),
        Request::Method { name, params } => (name.as_str(), params),
    };
    let (offset, length) = (int(params.get(1)), int(params.get(2)));
    let read = |tail| Some(Answer::Read(LogRead { path: Some(log()), offset, length, tail }));
    match name {
        "supervisor.sendProcessStdin" => None,
        "supervisor.readLog" => read(false),
        "supervisor.tailProcessStdoutLog" => read(true),
        "supervisor.getState" => Some(Answer::Shared(Arc::new(Value::str(NAME)))),
        "supervisor.echo" => Some(Answer::Value(Value::Array(params.clone()))),
        _ if name.len() % 2 == 0 => Some(Answer::Value(Value::Bool(true))),
        _ => Some(Answer::Fault(Fault::about(FaultCode::UnknownMethod, NAME))),
    }
}

fn int(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_int).unwrap_or(0)
}

fn overview() -> Overview {
    let process = |name: &str, state, pid| ProcessOverview {
        group: name.to_owned(),
        name: name.to_owned(),
        state,
        description: NAME.to_owned(),
        pid,
        start: 1_700_000_000,
        logs: [Some(log()), None],
    };
    let processes = vec![
        process(NAME, ProcessState::Running, Some(std::process::id())),
        process("plain", ProcessState::Fatal, None),
    ];
    Overview { identifier: NAME.to_owned(), processes }
}
