//! Answers: bodies that are ready or stream, error pages, and the headers that guard every page.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::connection::Connection;

/// What every handler gives.
pub(super) type Reply = Response<Payload>;

/// A body.
#[derive(Debug)]
pub(super) enum Payload {
    /// Nothing, or no more.
    Empty,
    /// All at once.
    Whole(Bytes),
    /// Piece by piece, until the sender goes.
    Stream(mpsc::Receiver<Bytes>, Option<Streaming>),
}

impl Payload {
    /// A stream that goes on until the sender goes.
    pub fn stream(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self::Stream(pieces, None)
    }

    /// Tells the connection when the stream has ended; false for any other body.
    pub fn streams_on(&mut self, connection: &Rc<Connection>) -> bool {
        let Self::Stream(_, streaming) = self else { return false };
        *streaming = Some(Streaming(Rc::clone(connection)));
        true
    }
}

/// A connection is sent a stream as long as this lives.
#[derive(Debug)]
pub(super) struct Streaming(Rc<Connection>);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streamed();
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Stream(pieces, _) => pieces.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(..) => SizeHint::default(),
        }
    }
}

/// A whole answer.
pub(super) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Payload::Whole(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// An error page that says no more than its status.
pub(super) fn error(status: StatusCode) -> Reply {
    explained(status, "")
}

/// An error page with a sentence of explanation (markup-free text of ours).
pub(super) fn explained(status: StatusCode, why: &str) -> Reply {
    let reason = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>{code} {reason}</title></head>\n\
         <body>\n<h1>{code} {reason}</h1>\n<p>{why}</p>\n</body>\n</html>\n"
    );
    whole(status, "text/html", text)
}

/// An error after which the connection cannot be used again, because what the client still sends is not read.
pub(super) fn last(status: StatusCode, why: &str) -> Reply {
    let mut reply = explained(status, why);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// The bytes of a refusal for a client whose connection hyper no longer serves.
pub(super) fn bare_refusal(why: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
        why.len()
    )
    .into_bytes()
}
