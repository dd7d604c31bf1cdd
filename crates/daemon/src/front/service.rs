//! One request: who may ask, then which handler answers; after it, the line of the access log.

use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;

use hyper::body::{Body as _, Incoming};
use hyper::header::{EXPECT, TRANSFER_ENCODING};
use hyper::{Method, Request, StatusCode};

use super::connection::Connection;
use super::reply::{self, Payload, Reply};
use super::serve::{Front, Server};
use super::work::{Asked, Work};
use super::{access, auth, pages, query, rpc, site, statics, tail};

/// Why a request is not dealt with.
pub(super) const LEAVING: &str = "The daemon is being upgraded. Ask again.";

/// What a handler gets.
pub(super) struct Exchange<'a> {
    /// What all share.
    pub front: Rc<Front>,
    /// The server that was asked.
    pub server: &'a Server,
    /// The client's connection.
    pub connection: &'a Connection,
    /// The decoded path.
    pub path: String,
    /// As sent; the body is still to be read.
    pub request: Request<Incoming>,
}

/// Answers a request; never fails, so that one bad request does not end its connection.
pub(super) async fn answer(
    front: Rc<Front>,
    server: &Server,
    connection: &Rc<Connection>,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    connection.asked(&request);
    let before = connection.asked_before.take();
    if front.frozen.get() && before.is_none() {
        // Pieces of a body cannot be put together again as they came.
        if request.headers().contains_key(TRANSFER_ENCODING) {
            return Ok(reply::last(StatusCode::SERVICE_UNAVAILABLE, LEAVING));
        }
        connection.leave_to_successor(request);
        return pending().await;
    }
    let line = access::Line::begin(&front, connection.peer, &request);
    let head = request.method() == Method::HEAD;
    let mut exchange = Exchange { path: path_of(&request), front: Rc::clone(&front), server, connection, request };
    let mut reply = match before {
        Some(asked) => go_on(&exchange, asked).await,
        None => match admit(&mut exchange).await {
            Ok(()) => route(&mut exchange).await,
            Err(refusal) => refusal,
        },
    };
    drain(&mut exchange.request).await;
    connection.challenged.set(reply.status() == StatusCode::UNAUTHORIZED);
    if head && matches!(reply.body(), Payload::Stream(..)) {
        *reply.body_mut() = Payload::Empty;
    }
    front.dates.put(reply.headers_mut());
    line.end(&front, &reply);
    let streams = reply.body_mut().streams_on(connection);
    connection.answered(streams);
    Ok(reply)
}

/// The path without parameters (`;x`), decoded once.
fn path_of(request: &Request<Incoming>) -> String {
    let path = request.uri().path();
    query::unquote(path.split(';').next().unwrap_or(path))
}

/// Goes on with a request that the daemon's predecessor was asked, and that was admitted there.
async fn go_on(exchange: &Exchange<'_>, asked: Asked) -> Reply {
    let Asked { work, call, .. } = asked;
    match (work, call) {
        (Work::Call, Some(call)) => rpc::go_on(exchange, call).await,
        (Work::Multicall(calls), call) => rpc::go_on_with_many(exchange, calls, call).await,
        (Work::Action { manner, .. }, _) => match exchange.connection.action_before.take() {
            Some(watch) => pages::tell_outcome(exchange, watch, manner).await,
            None => reply::last(StatusCode::SERVICE_UNAVAILABLE, LEAVING),
        },
        (Work::Call, None) => reply::last(StatusCode::SERVICE_UNAVAILABLE, LEAVING),
    }
}

async fn admit(exchange: &mut Exchange<'_>) -> Result<(), Reply> {
    let headers = exchange.request.headers();
    auth::check(&exchange.front, exchange.server, exchange.connection, headers).await?;
    site::refuse_host(&exchange.front, exchange.server, headers).map_or(Ok(()), Err)
}

/// Finds the handler: the same prefixes, in the same order, as the reference.
async fn route(exchange: &mut Exchange<'_>) -> Reply {
    let path = exchange.path.as_str();
    if path.starts_with("/RPC2") {
        rpc::endpoint(exchange).await
    } else if path == "/logtail" || path.starts_with("/logtail/") {
        tail::of_program(exchange).await
    } else if path.starts_with("/mainlogtail") {
        tail::of_daemon(exchange).await
    } else if pages::has(path) && matches!(*exchange.request.method(), Method::GET | Method::HEAD | Method::POST) {
        pages::serve(exchange).await
    } else {
        statics::serve(exchange)
    }
}

/// Reads what is left of a small body, so that the client is not cut off while it writes, and reads the answer.
async fn drain(request: &mut Request<Incoming>) {
    const MOST: u64 = 1024 * 1024;
    // A client that waits to be asked for the body does not send it.
    if request.headers().contains_key(EXPECT) || request.body().size_hint().lower() > MOST {
        return;
    }
    let _ = rpc::collect(request.body_mut(), MOST).await;
}

/// The answer to a method that the address does not know; the reference calls it a bad request.
pub(super) fn bad_method() -> Reply {
    reply::error(StatusCode::BAD_REQUEST)
}
