//! `/events`: the state of all programs as server-sent events, for as long as somebody looks.
//!
//! Control is asked once a second for all viewers together and only while there is one; they are sent what has changed since.
//! A viewer that does not keep up is let go: its browser comes back by itself and begins with the whole.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use engine::action::Overview;
use engine::{Answer, Request};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use jiff::Timestamp;
use model::ProcessState;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep};

use super::calls::{self, Question, Slot};
use super::reply::{self, Payload, Reply};
use super::serve::Front;
use super::usage::{Meter, Usage};

/// How often control is asked.
const PACE: Duration = Duration::from_secs(1);
/// How often /proc is read, in paces.
const METERED: u32 = 2;
/// A sign of life for proxies that close silent connections.
const SILENCE: Duration = Duration::from_secs(15);
/// Viewers at once.
const VIEWERS: usize = 64;
/// Events that a viewer may be behind.
const BEHIND: usize = 8;

/// Who looks, and what they have been shown.
#[derive(Debug, Default)]
pub(super) struct Live {
    viewers: RefCell<Vec<Viewer>>,
    shown: RefCell<HashMap<String, Row>>,
    fresh: Cell<Option<Instant>>,
    runs: Cell<bool>,
}

#[derive(Debug)]
struct Viewer {
    sender: mpsc::Sender<Bytes>,
    knows: bool,
}

/// What a viewer sees of a program.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Row {
    group: String,
    name: String,
    state: &'static str,
    /// Empty while it runs: the page counts the uptime itself, so that nothing changes every second.
    description: String,
    pid: Option<u32>,
    start: i64,
    cpu: Option<f32>,
    memory: Option<u64>,
}

#[derive(Serialize)]
struct Event<'a> {
    now: i64,
    rows: Vec<&'a Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone: Vec<&'a str>,
}

/// Begins a stream of events.
pub(super) fn events(front: &Rc<Front>) -> Reply {
    let live = &front.live;
    if front.ends.get() || live.viewers.borrow().len() >= VIEWERS {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE);
    }
    let (sender, pieces) = mpsc::channel(BEHIND);
    let mut viewer = Viewer { sender, knows: false };
    // Who comes while others look is shown what they see.
    if live.fresh.get().is_some_and(|at| at.elapsed() < PACE * 2) {
        viewer.knows = viewer.sender.try_send(live.whole()).is_ok();
    }
    live.viewers.borrow_mut().push(viewer);
    if !live.runs.replace(true) {
        spawn_local(watch(Rc::clone(front)));
    }
    let mut reply = Reply::new(Payload::stream(pieces));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    reply
}

/// Asks and tells until nobody looks any more, or the front ends.
async fn watch(front: Rc<Front>) {
    let live = &front.live;
    let slot = Slot::default();
    let mut meter = Meter::default();
    let mut usage = HashMap::new();
    let mut told = Instant::now();
    for turn in 0_u32.. {
        let Ok(Answer::Overview(overview)) = calls::ask(&front, &slot, Question::New(Request::Overview)).await else {
            break;
        };
        if turn.is_multiple_of(METERED) {
            let pids = overview.processes.iter().filter_map(|program| program.pid).collect::<Vec<_>>();
            let metered = spawn_blocking(move || {
                let usage = meter.read(&pids);
                (meter, usage)
            });
            let Ok(read) = metered.await else { break };
            (meter, usage) = read;
        }
        if live.tell(&rows(&overview, &usage)) {
            told = Instant::now();
        } else if told.elapsed() >= SILENCE {
            live.send(&Bytes::from_static(b":\n\n"));
            told = Instant::now();
        }
        if front.ends.get() || live.viewers.borrow().is_empty() {
            break;
        }
        tokio::select! {
            () = sleep(PACE) => {}
            () = front.ending.notified() => break,
        }
    }
    live.viewers.borrow_mut().clear();
    live.shown.borrow_mut().clear();
    live.fresh.set(None);
    live.runs.set(false);
}

fn rows(overview: &Overview, usage: &HashMap<u32, Usage>) -> Vec<Row> {
    let row = |program: &engine::action::ProcessOverview| {
        let used = program.pid.and_then(|pid| usage.get(&pid));
        let runs = program.state == ProcessState::Running;
        Row {
            group: program.group.clone(),
            name: program.name.clone(),
            state: program.state.name(),
            description: if runs { String::new() } else { program.description.clone() },
            pid: program.pid,
            start: program.start,
            cpu: used.and_then(|used| used.cpu),
            memory: used.map(|used| used.memory),
        }
    };
    overview.processes.iter().map(row).collect()
}

impl Live {
    /// Sends what differs from what was shown before to those who know that, the whole to others; false if nobody was sent
    /// anything.
    fn tell(&self, rows: &[Row]) -> bool {
        let mut shown = self.shown.borrow_mut();
        let mut before = std::mem::take(&mut *shown);
        let mut changed = Vec::new();
        for row in rows {
            let key = format!("{}:{}", row.group, row.name);
            if before.remove(&key).as_ref() != Some(row) {
                changed.push(row);
            }
            shown.insert(key, row.clone());
        }
        let gone: Vec<_> = before.keys().map(String::as_str).collect();
        let some = (!changed.is_empty() || !gone.is_empty()).then(|| event("some", changed, gone));
        drop(shown);
        self.fresh.set(Some(Instant::now()));
        let mut whole = None;
        let mut sent = false;
        self.viewers.borrow_mut().retain_mut(|viewer| {
            let piece = if viewer.knows {
                match &some {
                    Some(piece) => piece.clone(),
                    None => return !viewer.sender.is_closed(),
                }
            } else {
                viewer.knows = true;
                whole.get_or_insert_with(|| self.whole()).clone()
            };
            sent = true;
            viewer.sender.try_send(piece).is_ok()
        });
        sent
    }

    fn send(&self, piece: &Bytes) {
        self.viewers.borrow_mut().retain(|viewer| viewer.sender.try_send(piece.clone()).is_ok());
    }

    fn whole(&self) -> Bytes {
        event("all", self.shown.borrow().values().collect(), Vec::new())
    }
}

fn event(kind: &str, rows: Vec<&Row>, gone: Vec<&str>) -> Bytes {
    let event = Event { now: Timestamp::now().as_second(), rows, gone };
    let data = serde_json::to_string(&event).unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n").into()
}
