//! One connection: hyper speaks HTTP on it until it ends, dawdles for too long, or is taken away to be handed over.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Connection;
use super::reply::Payload;
use super::serve::{Front, Leave, Listening};
use super::socket::{Stream, Watched};
use super::{handover, service};

/// Bytes of a request's head; hyper answers 431 to more. Also the most that a connection's buffers grow to.
const HEAD: usize = 32 * 1024;

/// What a connection brings from the daemon's predecessor.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    /// Read, and not dealt with.
    pub unread: Bytes,
    /// Not taken by the client yet.
    pub unsent: Bytes,
    /// To be closed when that is taken.
    pub closes: bool,
}

/// How a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Over,
    Taken,
}

/// Serves one connection to its end.
pub(super) async fn converse(
    leave: Leave,
    server: Rc<Listening>,
    connection: Rc<Connection>,
    stream: Stream,
    leftover: Leftover,
) {
    let front = &leave.front;
    let Leftover { unread, unsent, closes } = leftover;
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&connection), unread, unsent));
    let service = service_fn(|request| service::answer(Rc::clone(front), &server.server, &connection, request));
    let mut http = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(HEAD)
        .header_read_timeout(None)
        .serve_connection(io, service);
    if closes {
        Pin::new(&mut http).graceful_shutdown();
    }
    let mut leaving = pin!(front.leaving.notified());
    let mut alarm = pin!(sleep_until(Instant::now()));
    let (mut armed, mut told) = (None, false);
    let end = poll_fn(|context| {
        if !told && (front.leaves.get() || leaving.as_mut().poll(context).is_ready()) {
            told = true;
            if front.taken.get() {
                return Poll::Ready(End::Taken);
            }
            Pin::new(&mut http).graceful_shutdown();
        }
        if Pin::new(&mut http).poll(context).is_ready() {
            return Poll::Ready(End::Over);
        }
        dawdles(&connection, alarm.as_mut(), &mut armed, context).map(|()| End::Over)
    })
    .await;
    if end == End::Taken {
        take_apart(http, front, &server, &connection).await;
    }
}

/// Takes a connection from under hyper, with all that hyper knows of it.
async fn take_apart<S>(
    mut http: http1::Connection<TokioIo<Watched>, S>,
    front: &Front,
    server: &Listening,
    connection: &Connection,
) where
    S: HttpService<Incoming, ResBody = Payload>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // What the client does not take is kept from now on.
    connection.keep_unsent();
    let reread = poll_fn(|context| {
        let _ = Pin::new(&mut http).poll(context);
        Poll::Ready(connection.take_reread(context))
    })
    .await;
    let asked = handover::asked(connection);
    let parts = http.into_parts();
    let (stream, unread, unsent) = parts.io.into_inner().into_parts();
    let leftover = Leftover { unread: [reread.into(), parts.read_buf, unread].concat().into(), unsent, closes: false };
    handover::keep(front, server.number, connection, stream, leftover, asked);
}

/// Ready once a connection has dawdled for too long. The alarm is moved only to an earlier moment, and looked at again when it
/// rings: a busy connection costs no timer per request.
fn dawdles(
    connection: &Connection,
    mut alarm: Pin<&mut Sleep>,
    armed: &mut Option<Instant>,
    context: &mut Context<'_>,
) -> Poll<()> {
    while let Some(deadline) = connection.deadline().map(Instant::from_std) {
        if armed.is_none_or(|armed| deadline < armed) {
            alarm.as_mut().reset(deadline);
            *armed = Some(deadline);
        }
        if alarm.as_mut().poll(context).is_pending() {
            break;
        }
        *armed = None;
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
    }
    Poll::Pending
}
