//! Who may ask: users whom the kernel names (`allow_users`), whoever shows the password (Basic authentication), and a delay for
//! addresses that guess.
//!
//! The first few mistakes cost nothing (people mistype); after them each attempt of that address waits its turn, right or wrong,
//! so that guessing in parallel gains nothing. Other addresses, and connections that have shown the right password, never wait.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use wire::credentials::{self, Basic, BasicError};

use super::connection::{Connection, Peer};
use super::reply::{self, Reply};
use super::serve::{Front, Server};

/// Mistakes that cost nothing.
const FREE: u32 = 5;
/// The first delay; it doubles with each further mistake up to the last.
const DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(3)];
/// After so long without a mistake an address is as good as new.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Attempts of one address that may wait.
const QUEUE: usize = 16;
/// Addresses that are remembered.
const ADDRESSES: usize = 4096;

/// Lets a request pass, or answers it with 401.
///
/// # Errors
/// The answer.
pub(super) async fn check(
    front: &Front,
    server: &Server,
    connection: &Connection,
    headers: &HeaderMap,
) -> Result<(), Reply> {
    if matches!(connection.peer, Peer::Unix(Some(uid)) if server.allow_users.contains(&uid)) {
        return Ok(());
    }
    let Some((name, password)) = &server.credentials else {
        return if server.allow_users.is_empty() { Ok(()) } else { Err(stranger()) };
    };
    // The reference challenges whoever names a scheme and nothing else, and calls a bad request what cannot be decoded.
    let Some(header) = headers.get(AUTHORIZATION).filter(|header| header.as_bytes().contains(&b' ')) else {
        return Err(challenge());
    };
    let shown = match Basic::parse(header.as_bytes()) {
        Ok(shown) => shown,
        Err(BasicError::OtherScheme) => return Err(challenge()),
        Err(BasicError::Malformed) => {
            return Err(reply::last(StatusCode::BAD_REQUEST, "The Authorization header cannot be read."));
        }
    };
    if !connection.known.get() {
        let before = connection.waits_to_log_in();
        front.logins.wait(connection.peer).await?;
        connection.goes_on(before);
    }
    let right = credentials::matches(&shown, name, password);
    connection.known.set(right);
    front.logins.note(connection.peer, right);
    if right { Ok(()) } else { Err(challenge()) }
}

/// Without a password to ask for, who is not listed has no way in.
fn stranger() -> Reply {
    reply::last(StatusCode::FORBIDDEN, "The user of this process is not one of allow_users, and there is no password.")
}

fn challenge() -> Reply {
    let mut reply = reply::error(StatusCode::UNAUTHORIZED);
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"default\""));
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Failed logins by address.
#[derive(Debug, Default)]
pub(super) struct Logins(RefCell<HashMap<Origin, Rc<Record>>>);

/// What counts as one address: a user of this machine, an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// Of this number (`None`: the kernel would not say).
    User(Option<u32>),
    /// The address, or the network's.
    Address(IpAddr),
}

impl From<Peer> for Origin {
    fn from(peer: Peer) -> Self {
        match peer {
            Peer::Unix(uid) => Self::User(uid),
            Peer::Tcp(address) => Self::Address(match address.ip() {
                IpAddr::V6(ip) if ip.to_ipv4_mapped().is_none() => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
                ip => ip.to_canonical(),
            }),
        }
    }
}

#[derive(Debug)]
struct Record {
    mistakes: Cell<u32>,
    last: Cell<Instant>,
    turn: Semaphore,
    queued: Cell<usize>,
}

impl Logins {
    /// Waits as long as an address must.
    ///
    /// # Errors
    /// Too many attempts of it wait already: the answer.
    async fn wait(&self, peer: Peer) -> Result<(), Reply> {
        let Some(record) = self.0.borrow().get(&peer.into()).cloned() else { return Ok(()) };
        let Some(delay) = record.delay() else { return Ok(()) };
        if record.queued.get() >= QUEUE {
            let mut reply = reply::last(StatusCode::TOO_MANY_REQUESTS, "Too many failed logins.");
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("3"));
            return Err(reply);
        }
        record.queued.set(record.queued.get() + 1);
        let _queued = Queued(&record);
        let _turn = record.turn.acquire().await;
        sleep(delay).await;
        Ok(())
    }

    fn note(&self, peer: Peer, right: bool) {
        let mut all = self.0.borrow_mut();
        if right {
            all.remove(&peer.into());
            return;
        }
        if all.len() >= ADDRESSES {
            all.retain(|_, record| record.last.get().elapsed() < FORGOTTEN);
        }
        if all.len() >= ADDRESSES {
            // Whoever commands thousands of addresses is not slowed by a delay for each.
            all.clear();
        }
        let record = all.entry(peer.into()).or_insert_with(|| {
            Rc::new(Record {
                mistakes: Cell::new(0),
                last: Cell::new(Instant::now()),
                turn: Semaphore::new(1),
                queued: Cell::new(0),
            })
        });
        let old = record.last.get().elapsed() >= FORGOTTEN;
        record.mistakes.set(if old { 1 } else { record.mistakes.get().saturating_add(1) });
        record.last.set(Instant::now());
    }
}

impl Record {
    fn delay(&self) -> Option<Duration> {
        let beyond = self.mistakes.get().checked_sub(FREE)?;
        let [first, last] = DELAYS;
        (self.last.get().elapsed() < FORGOTTEN).then(|| (first * 2_u32.saturating_pow(beyond.min(10))).min(last))
    }
}

/// Leaves the queue even if the client goes while it waits.
struct Queued<'a>(&'a Record);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.queued.set(self.0.queued.get().saturating_sub(1));
    }
}
