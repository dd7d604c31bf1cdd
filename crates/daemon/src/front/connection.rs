//! One client's connection: what it is doing and since when. Its socket (`socket`) notices most of it.
//!
//! A connection that dawdles is closed here: over a request's head, over a pause between requests, over an answer that nobody
//! takes. hyper's own timeout also counts pauses between requests, and would cut off a supervisorctl shell that waits for a person.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::CONNECTION;
use serde::{Deserialize, Serialize};

use super::calls::Slot;
use super::pages::Watch;
use super::room::Standing;
use super::work::{Asked, Work};

/// A request's head must be there so long after its first byte.
const HEAD: Duration = Duration::from_secs(30);
/// A connection may be silent so long between two requests (as long as the reference allows).
const PAUSE: Duration = Duration::from_secs(30 * 60);
/// An answer that is not a stream must be taken, bit by bit, with no longer standstill than this.
const STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// What the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing; it may come with another request.
    Pause,
    /// It sends a request's head.
    Head,
    /// It sends a body.
    Body,
    /// It waits because somebody at its address guessed passwords.
    Login,
    /// It waits for its answer.
    Request,
    /// It is sent a stream without end.
    Stream,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Peer {
    /// A process of this machine, of this user (`None`: the kernel would not say).
    Unix(Option<u32>),
    /// Somebody on a network.
    Tcp(SocketAddr),
}

/// The state of a connection, shared by its socket, its requests and the list of all.
#[derive(Debug)]
pub(super) struct Connection {
    /// Who.
    pub peer: Peer,
    /// It has shown the right credentials before.
    pub known: Cell<bool>,
    /// Its answer carries a challenge, whose header is spelt as the reference spells it.
    pub challenged: Cell<bool>,
    /// Its request waits for this answer of control.
    pub slot: Slot,
    /// What is left to do for its request once that answer is there.
    pub work: RefCell<Option<Work>>,
    /// What its client waited for when it was taken over.
    pub asked_before: RefCell<Option<Asked>>,
    /// The action of the page that it waited for then.
    pub action_before: RefCell<Option<Watch>>,
    /// No new request is read any more: it is about to be handed over.
    pub halted: Cell<bool>,
    /// Its request as it began, without its headers but the one that says whether the connection is kept.
    head: RefCell<String>,
    /// A request that was read although reading had stopped, its head as bytes: the successor reads it again.
    reread: RefCell<Option<(Vec<u8>, Incoming)>>,
    /// Takes what the client has not taken, instead of the socket.
    unsent: RefCell<Option<Vec<u8>>>,
    closes: Cell<bool>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    stuck: Cell<Option<Instant>>,
}

impl Connection {
    /// A connection that has just been made.
    pub fn new(peer: Peer) -> Self {
        Self {
            peer,
            known: Cell::new(false),
            challenged: Cell::new(false),
            slot: Slot::default(),
            work: RefCell::default(),
            asked_before: RefCell::default(),
            action_before: RefCell::default(),
            halted: Cell::new(false),
            head: RefCell::default(),
            reread: RefCell::default(),
            unsent: RefCell::default(),
            closes: Cell::new(false),
            phase: Cell::new(Phase::Pause),
            since: Cell::new(Instant::now()),
            stuck: Cell::new(None),
        }
    }

    /// A request's head has been read.
    pub fn asked<B: Body>(&self, request: &Request<B>) {
        self.enter(if request.body().is_end_stream() { Phase::Request } else { Phase::Body });
        self.challenged.set(false);
        let mut head = self.head.borrow_mut();
        head.clear();
        let (method, uri, version) = (request.method(), request.uri(), request.version());
        // A text takes any write.
        let _ = write!(head, "{method} {uri} {version:?}\r\nContent-Length: 0\r\n");
        for value in request.headers().get_all(CONNECTION) {
            let _ = write!(head, "Connection: {}\r\n", value.to_str().unwrap_or("close"));
        }
        head.push_str("\r\n");
    }

    /// This request was in memory when reading stopped: it is for the successor.
    pub fn leave_to_successor(&self, request: Request<Incoming>) {
        let (method, uri, version) = (request.method(), request.uri(), request.version());
        let mut head = format!("{method} {uri} {version:?}\r\n").into_bytes();
        for (name, value) in request.headers() {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        self.reread.replace(Some((head, request.into_body())));
        self.enter(Phase::Head);
    }

    /// What the successor is to read again: that request, and what hyper has read of its body ahead.
    pub fn take_reread(&self, context: &mut Context<'_>) -> Vec<u8> {
        let Some((mut bytes, mut body)) = self.reread.take() else { return Vec::new() };
        while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(context) {
            if let Ok(data) = frame.into_data() {
                bytes.extend(data);
            }
        }
        bytes
    }

    /// Its body, too, or nobody wants it.
    pub fn heard(&self) {
        self.enter(Phase::Request);
    }

    /// It waits for its turn to show a password; what it did before, to be given back to `goes_on`.
    pub fn waits_to_log_in(&self) -> Phase {
        self.phase.replace(Phase::Login)
    }

    /// Its turn has come.
    pub fn goes_on(&self, before: Phase) {
        self.phase.set(before);
    }

    /// The request as its successor is given it: without what has been read of it already.
    pub fn head(&self) -> String {
        self.head.borrow().clone()
    }

    /// What is written from now on is kept, and the socket is not closed.
    pub fn keep_unsent(&self) {
        *self.unsent.borrow_mut() = Some(Vec::new());
    }

    /// Keeps what would be written, if it comes to that; true if so.
    pub fn keeps(&self, bytes: &[u8]) -> bool {
        self.unsent.borrow_mut().as_mut().map(|kept| kept.extend_from_slice(bytes)).is_some()
    }

    /// It would be closed now.
    pub fn closes(&self) {
        self.closes.set(true);
    }

    /// No request is read any more unless its beginning has been.
    pub fn is_deaf(&self) -> bool {
        self.halted.get() && matches!(self.phase.get(), Phase::Pause | Phase::Head)
    }

    /// What was kept, and whether the connection is to be closed after it.
    pub fn take_unsent(&self) -> (Vec<u8>, bool) {
        (self.unsent.take().unwrap_or_default(), self.closes.get())
    }

    /// A request has been answered; bytes of the next may be on their way.
    pub fn answered(&self, streams: bool) {
        self.work.take();
        self.enter(if streams { Phase::Stream } else { Phase::Pause });
    }

    /// A stream has ended.
    pub fn streamed(&self) {
        if self.phase.get() == Phase::Stream {
            self.enter(Phase::Pause);
        }
    }

    /// When it will have dawdled for too long, unless something happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let silence = match self.phase.get() {
            Phase::Pause => Some(self.since.get() + PAUSE),
            Phase::Head => Some(self.since.get() + HEAD),
            // A call may wait for as long as a program takes to stop; bodies and logins have limits of their own.
            Phase::Body | Phase::Login | Phase::Request => None,
            // Whoever stops a tail to read it may do so.
            Phase::Stream => return None,
        };
        let standstill = self.stuck.get().map(|since| since + STANDSTILL);
        match (silence, standstill) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What it is worth when others want its place.
    pub fn standing(&self) -> Standing {
        match self.phase.get() {
            Phase::Head | Phase::Body | Phase::Login => Standing::Unfinished(self.since.get()),
            Phase::Pause => Standing::Idle(self.since.get()),
            Phase::Request | Phase::Stream => Standing::Served,
        }
    }

    /// What the client does.
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    /// Bytes have come.
    pub fn read(&self) {
        if self.phase.get() == Phase::Pause {
            self.enter(Phase::Head);
        }
    }

    /// How writing went.
    pub fn wrote<T>(&self, outcome: &Poll<T>) {
        match outcome {
            Poll::Ready(_) => {
                self.stuck.set(None);
                self.since.set(Instant::now());
            }
            Poll::Pending if self.stuck.get().is_none() => self.stuck.set(Some(Instant::now())),
            Poll::Pending => {}
        }
    }
}
