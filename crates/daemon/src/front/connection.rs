//! One client's connection: what it is doing and since when, and the socket below hyper that notices it.
//!
//! A connection that dawdles is closed here: over a request's head, over a pause between requests, over an answer that nobody
//! takes. hyper's own timeout also counts pauses between requests, and would cut off a supervisorctl shell that waits for a person.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A request's head must be there so long after its first byte.
const HEAD: Duration = Duration::from_secs(30);
/// A connection may be silent so long between two requests (as long as the reference allows).
const PAUSE: Duration = Duration::from_secs(30 * 60);
/// An answer that is not a stream must be taken, bit by bit, with no longer standstill than this.
const STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// What the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing; it may come with another request.
    Pause,
    /// It sends a request's head.
    Head,
    /// It sends a body or waits for its answer.
    Request,
    /// It is sent a stream without end.
    Stream,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
            phase: Cell::new(Phase::Pause),
            since: Cell::new(Instant::now()),
            stuck: Cell::new(None),
        }
    }

    /// A request's head has been read.
    pub fn asked(&self) {
        self.enter(Phase::Request);
    }

    /// A request has been answered; bytes of the next may be on their way.
    pub fn answered(&self, streams: bool) {
        self.enter(if streams { Phase::Stream } else { Phase::Pause });
    }

    /// When it will have dawdled for too long, unless something happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let silence = match self.phase.get() {
            Phase::Pause => Some(self.since.get() + PAUSE),
            Phase::Head => Some(self.since.get() + HEAD),
            // A call may wait for as long as a program takes to stop; bodies have a limit of their own.
            Phase::Request => None,
            // Whoever stops a tail to read it may do so.
            Phase::Stream => return None,
        };
        let standstill = self.stuck.get().map(|since| since + STANDSTILL);
        match (silence, standstill) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Since when it has asked for nothing; `None` while it waits for an answer or is sent a stream.
    pub fn idle_since(&self) -> Option<Instant> {
        matches!(self.phase.get(), Phase::Pause | Phase::Head).then(|| self.since.get())
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

/// A client's socket that tells its connection what goes on.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    connection: Rc<Connection>,
}

impl Watched {
    /// Watches a socket.
    pub fn new(stream: Stream, connection: Rc<Connection>) -> Self {
        Self { stream, connection }
    }
}

macro_rules! on_stream {
    ($watched:expr, $method:ident, $($argument:expr),*) => {
        match &mut $watched.stream {
            Stream::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
        let outcome = if self.connection.challenged.get() {
            let spelt = spell_challenge(bytes);
            on_stream!(self, poll_write, context, &spelt)
        } else {
            on_stream!(self, poll_write, context, bytes)
        };
        self.connection.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.connection.challenged.get() {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| &**piece);
            return self.poll_write(context, first);
        }
        let outcome = on_stream!(self, poll_write_vectored, context, pieces);
        self.connection.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, poll_flush, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
