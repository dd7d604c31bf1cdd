//! A client's socket below hyper: it tells its connection what goes on, and can be taken away from hyper.
//!
//! For a hand-over to the daemon's successor no new request is read, and what the client has not taken yet is kept. Deliberately
//! absent: what the connection makes of it (`connection`).

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::connection::Connection;

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
            if self.connection.keeps(&self.unsent) {
                self.unsent.clear();
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
        if self.connection.is_deaf() {
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
        if self.connection.keeps(bytes) {
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
        if self.connection.challenged.get() || self.connection.keeps(&[]) {
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
        if self.connection.keeps(&[]) {
            self.connection.closes();
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
