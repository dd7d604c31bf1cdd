//! `/logtail/NAME/CHANNEL` and `/mainlogtail`: the end of a log, then what comes, until the client goes.
//!
//! The log is looked at a few times a second, and only while a client listens: inotify hears nothing of writes by splice(2) on
//! kernels that people run. Looking is done by threads that may wait for a disk.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use engine::{Answer, Request};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LAST_MODIFIED};
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use model::Channel;
use tokio::sync::mpsc;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep};

use super::calls::Question;
use super::follow::Follower;
use super::reply::{self, Payload, Reply};
use super::serve::Front;
use super::service::{self, Exchange};
use super::{calls, statics};

/// Bytes of the log that a tail begins with.
const FIRST: u64 = 1024;
/// How often a log is looked at that has just been written to, and one that is quiet.
const LOOKS: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(150)];
/// For how long a log counts as one that has just been written to.
const LIVELY: Duration = Duration::from_secs(2);

/// `/logtail/NAME` and `/logtail/NAME/CHANNEL`.
pub(super) async fn of_program(exchange: &mut Exchange<'_>) -> Reply {
    if exchange.request.method() != Method::GET {
        return service::bad_method();
    }
    let rest = exchange.path.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest);
    let (name, channel) = rest.split_once('/').unwrap_or((rest, "stdout"));
    let channel = match channel {
        "stdout" => Channel::Stdout,
        "stderr" => Channel::Stderr,
        _ => return reply::error(StatusCode::NOT_FOUND),
    };
    let request = Request::LogPath { name: name.to_owned(), channel };
    match calls::ask(&exchange.front, &exchange.connection.slot, Question::New(request)).await {
        Ok(Answer::Path(path)) => stream(&exchange.front, path).await,
        // No such program, or a program without such a log: it may have one later.
        Ok(_) => reply::error(StatusCode::NOT_FOUND),
        Err(_) => reply::error(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// `/mainlogtail`.
pub(super) async fn of_daemon(exchange: &mut Exchange<'_>) -> Reply {
    if exchange.request.method() != Method::GET {
        return service::bad_method();
    }
    match exchange.front.settings.main_log.clone() {
        Some(path) => stream(&exchange.front, path).await,
        None => reply::error(StatusCode::NOT_FOUND),
    }
}

async fn stream(front: &Rc<Front>, path: PathBuf) -> Reply {
    let opened = spawn_blocking(move || Follower::open(path, FIRST)).await;
    let Ok(Ok(follower)) = opened else { return reply::error(StatusCode::NOT_FOUND) };
    let modified = follower.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| Timestamp::new(i64::try_from(since.as_secs()).ok()?, 0).ok());
    let (sender, pieces) = mpsc::channel(1);
    spawn_local(follow(Rc::clone(front), follower, sender));
    let mut reply = Reply::new(Payload::stream(pieces));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
    // Proxies such as nginx are to pass on each line at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    if let Some(date) = modified.and_then(statics::http_date) {
        headers.insert(LAST_MODIFIED, date);
    }
    reply
}

/// Sends what comes until the client goes, the front ends, or the log cannot be read any more.
async fn follow(front: Rc<Front>, mut follower: Follower, sender: mpsc::Sender<Bytes>) {
    let mut lively = Instant::now();
    loop {
        let looked = spawn_blocking(move || {
            let piece = follower.next();
            (follower, piece)
        });
        let Ok((back, Ok(piece))) = looked.await else { return };
        follower = back;
        if front.ends.get() {
            return;
        }
        if !piece.is_empty() {
            lively = Instant::now();
            if sender.send(piece.into()).await.is_err() {
                return;
            }
            continue;
        }
        let [soon, later] = LOOKS;
        let pause = if lively.elapsed() < LIVELY { soon } else { later };
        tokio::select! {
            () = sleep(pause) => {}
            () = sender.closed() => return,
            () = front.ending.notified() => return,
        }
    }
}
