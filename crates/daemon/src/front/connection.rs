//! One client's connection: what it is doing and since when, and the socket below hyper that notices it.
//!
//! It can be taken from under hyper and served on by the daemon's successor (`handover`): no new request is read then, and what a
//! client has not taken yet is kept.
//!
//! A connection that dawdles is closed here: over a request's head, over a pause between requests, over an answer that nobody
//! takes. hyper's own timeout also counts pauses between requests, and would cut off a supervisorctl shell that waits for a person.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::CONNECTION;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

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

    fn read(&self) {
        if self.phase.get() == Phase::Pause {
            self.enter(Phase::Head);
        }
    }

    fn wrote<T>(&self, outcome: &Poll<T>) {
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

/// A client's socket, of either kind.
#[derive(Debug)]
pub(super) enum Stream {
    /// On a unix socket.
    Unix(UnixStream),
    /// On TCP.
    Tcp(TcpStream),
}

impl Stream {
    /// Its descriptor, no longer known to the runtime.
    pub fn into_descriptor(self) -> io::Result<OwnedFd> {
        Ok(match self {
            Self::Unix(stream) => stream.into_std()?.into(),
            Self::Tcp(stream) => stream.into_std()?.into(),
        })
    }
}

/// A client's socket that tells its connection what goes on.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    connection: Rc<Connection>,
    /// Read before what comes from the socket.
    unread: Bytes,
    /// To be written before anything else.
    unsent: Bytes,
}

macro_rules! on_stream {
    ($watched:expr, $method:ident, $($argument:expr),*) => {
        match &mut $watched.stream {
            Stream::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl Watched {
    /// Watches a socket. What was read from it before is read again, and what was not written yet comes first.
    pub fn new(stream: Stream, connection: Rc<Connection>, unread: Bytes, unsent: Bytes) -> Self {
        Self { stream, connection, unread, unsent }
    }

    /// The socket, what is still to be read before what it brings, and what is still to be written first.
    pub fn into_parts(self) -> (Stream, Bytes, Bytes) {
        (self.stream, self.unread, self.unsent)
    }

    /// Writes what comes from before.
    fn write_first(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            if let Some(kept) = &mut *self.connection.unsent.borrow_mut() {
                kept.extend_from_slice(&std::mem::take(&mut self.unsent));
                break;
            }
            let unsent = self.unsent.clone();
            let outcome = on_stream!(self, poll_write, context, &unsent);
            self.connection.wrote(&outcome);
            let count = ready!(outcome)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent = unsent.slice(count.min(unsent.len())..);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buffer.remaining());
            let piece = self.unread.split_to(count);
            buffer.put_slice(&piece);
            self.connection.read();
            return Poll::Ready(Ok(()));
        }
        // What the client sends now is for the successor.
        if self.connection.halted.get() && matches!(self.connection.phase.get(), Phase::Pause | Phase::Head) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(on_stream!(self, poll_read, context, buffer))?;
        if buffer.filled().len() > before {
            self.connection.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.write_first(context))?;
        let spelt = self.connection.challenged.get().then(|| spell_challenge(bytes));
        let bytes = spelt.as_deref().unwrap_or(bytes);
        if let Some(kept) = &mut *self.connection.unsent.borrow_mut() {
            kept.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let outcome = on_stream!(self, poll_write, context, bytes);
        self.connection.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.connection.challenged.get() || self.connection.unsent.borrow().is_some() {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| &**piece);
            return self.poll_write(context, first);
        }
        ready!(self.write_first(context))?;
        let outcome = on_stream!(self, poll_write_vectored, context, pieces);
        self.connection.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_first(context))?;
        on_stream!(self, poll_flush, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_first(context))?;
        if self.connection.unsent.borrow().is_some() {
            self.connection.closes.set(true);
            return Poll::Ready(Ok(()));
        }
        on_stream!(self, poll_shutdown, context)
    }
}

/// hyper writes `Www-Authenticate`; clients that compare names of headers letter by letter know the reference's spelling.
fn spell_challenge(bytes: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"Www-Authenticate";
    let mut out = bytes.to_vec();
    if let Some(at) = bytes.windows(NAME.len()).position(|window| window == NAME)
        && let Some(head) = out.get_mut(at..at + 3)
    {
        head.make_ascii_uppercase();
    }
    out
}
