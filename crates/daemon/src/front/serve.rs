//! The life of the front: accepting clients, serving each connection, keeping within bounds, and ending.
//!
//! Everything here runs in one thread; what is shared is shared by `Rc`. Bounds: the number of connections (the one that has been
//! idle longest makes room), and the memory of bodies and answers together (`Share`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use model::{Level, Value, limits};
use rustix::process::{Resource, getrlimit};
use sys::memory;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, oneshot};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::auth::Logins;
use super::bind::{BoundServer, Listener};
use super::connection::{Connection, Peer, Stream, Watched};
use super::live::Live;
use super::messages::ClientEvent;
use super::site::OwnNames;
use super::{FrontSettings, GRACE, service};
use crate::mailbox::Sender;

/// Bytes of a request's head; hyper answers 431 to more. Also the most that a connection's buffers grow to.
const HEAD: usize = 32 * 1024;
/// Bytes that all bodies and answers together may hold in memory.
const MEMORY: usize = 4 * limits::HTTP_BODY;

/// Takes lines for the daemon's log.
pub(super) type Log = Box<dyn Fn(Level, String)>;

/// A server whose listener belongs to the runtime.
pub(super) struct Listening {
    server: Server,
    listener: AsyncListener,
}

enum AsyncListener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listening {
    /// Registers a bound server with the runtime that is entered.
    pub fn new(bound: BoundServer) -> io::Result<Self> {
        let (listener, address) = match bound.listener {
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                (AsyncListener::Unix(UnixListener::from_std(listener)?), None)
            }
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                (AsyncListener::Tcp(TcpListener::from_std(listener)?), Some(address))
            }
        };
        Ok(Self { server: Server { credentials: bound.credentials, address }, listener })
    }
}

/// What requests must know of the server that they came to.
#[derive(Debug)]
pub(super) struct Server {
    /// Name and password, if it has any.
    pub credentials: Option<(String, String)>,
    /// Where it listens, if on TCP.
    pub address: Option<SocketAddr>,
}

/// What all connections share.
pub(super) struct Front {
    /// Of the configuration.
    pub settings: FrontSettings,
    /// Where calls go.
    pub control: Sender<ClientEvent>,
    /// Calls that wait for their answer.
    pub waiting: Cell<usize>,
    /// The last value that several calls are given, and its bytes.
    pub encoded: RefCell<Option<(Arc<Value>, Bytes)>>,
    /// Failed logins by address.
    pub logins: Logins,
    /// Who looks at the page.
    pub live: Live,
    /// The names by which this machine is called.
    pub names: OwnNames,
    /// When it began: the age of the static files.
    pub began: Timestamp,
    /// Rings when streams are to end.
    pub ending: Notify,
    /// It ends: no stream is begun any more.
    pub ends: Cell<bool>,
    log: Log,
    memory: Arc<AtomicUsize>,
    /// Large bodies or answers have been held: what they took is given back when the last client goes.
    large: Cell<bool>,
    connections: RefCell<HashMap<u64, Entry>>,
    most: usize,
    gone: Notify,
}

struct Entry {
    connection: Rc<Connection>,
    task: Option<AbortHandle>,
}

impl Front {
    /// Writes a line of the daemon's log.
    pub fn log(&self, level: Level, text: impl FnOnce() -> String) {
        if level >= self.settings.loglevel {
            (self.log)(level, text());
        }
    }

    /// Takes a share of the memory for bodies and answers; `None` if too much of it is taken.
    pub fn share(&self, bytes: usize) -> Option<Share> {
        let before = self.memory.load(Ordering::Relaxed);
        if bytes > MEMORY.saturating_sub(before) {
            return None;
        }
        // Shares are taken by this thread alone, so nobody else has taken one meanwhile.
        self.memory.fetch_add(bytes, Ordering::Relaxed);
        self.large.set(true);
        Some(Share { bytes, memory: Arc::clone(&self.memory) })
    }

    fn new(settings: FrontSettings, control: Sender<ClientEvent>, log: Log) -> Self {
        Self {
            settings,
            control,
            waiting: Cell::new(0),
            encoded: RefCell::default(),
            logins: Logins::default(),
            live: Live::default(),
            names: OwnNames::read(),
            began: Timestamp::now(),
            ending: Notify::new(),
            ends: Cell::new(false),
            log,
            memory: Arc::default(),
            large: Cell::new(false),
            connections: RefCell::default(),
            most: most_connections(),
            gone: Notify::new(),
        }
    }

    /// Enters a connection in the list of all. At the limit, the one that has been idle longest is closed for it; if all of them
    /// wait for answers there is no room.
    fn enter(&self, number: u64, connection: &Rc<Connection>) -> bool {
        let mut all = self.connections.borrow_mut();
        if all.len() >= self.most {
            let idle = all.iter().filter_map(|(number, entry)| Some((entry.connection.idle_since()?, *number)));
            let Some((_, victim)) = idle.min() else { return false };
            if let Some(Entry { task: Some(task), .. }) = all.remove(&victim) {
                task.abort();
            }
        }
        all.insert(number, Entry { connection: Rc::clone(connection), task: None });
        true
    }

    fn leave(&self, number: u64) {
        self.connections.borrow_mut().remove(&number);
        self.gone.notify_one();
        if self.large.get() && self.connections.borrow().is_empty() {
            self.large.set(false);
            memory::trim();
        }
    }
}

/// A share of the front's memory; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    bytes: usize,
    memory: Arc<AtomicUsize>,
}

impl Share {
    /// Bytes that keep their share until they have been written to the client.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Serves until told to stop.
pub(super) async fn run(
    servers: Vec<Listening>,
    settings: FrontSettings,
    control: Sender<ClientEvent>,
    log: Log,
    stop: oneshot::Receiver<()>,
) {
    let front = Rc::new(Front::new(settings, control, log));
    let accepting: Vec<_> = servers.into_iter().map(|server| spawn_local(accept(Rc::clone(&front), server))).collect();
    // A handle that is dropped means the same as one that is stopped.
    let _ = stop.await;
    for task in accepting {
        task.abort();
    }
    front.ends.set(true);
    front.ending.notify_waiters();
    let emptied = async {
        while !front.connections.borrow().is_empty() {
            front.gone.notified().await;
        }
    };
    let _ = timeout(GRACE, emptied).await;
}

/// Descriptors are for the children first: clients get a quarter of them.
fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 4).unwrap_or(usize::MAX).clamp(16, limits::CONNECTIONS)
}

async fn accept(front: Rc<Front>, listening: Listening) {
    let server = Rc::new(listening.server);
    let mut exhausted = false;
    loop {
        let accepted = match &listening.listener {
            AsyncListener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                (Stream::Unix(stream), Peer::Unix(uid))
            }),
            AsyncListener::Tcp(listener) => listener.accept().await.map(|(stream, address)| {
                // An answer is one write: nothing is gained by waiting for more.
                let _ = stream.set_nodelay(true);
                (Stream::Tcp(stream), Peer::Tcp(address))
            }),
        };
        match accepted {
            Ok((stream, peer)) => {
                exhausted = false;
                greet(&front, &server, stream, peer);
            }
            // A client that has gone meanwhile is no trouble of ours; anything else (no descriptors) passes.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !exhausted {
                    front.log(Level::Error, || format!("a client cannot be accepted: {error}"));
                }
                exhausted = true;
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Starts to serve a client in a task of its own.
fn greet(front: &Rc<Front>, server: &Rc<Server>, stream: Stream, peer: Peer) {
    thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
    let number = NUMBER.get();
    NUMBER.set(number + 1);
    let connection = Rc::new(Connection::new(peer));
    if !front.enter(number, &connection) {
        front.log(Level::Warn, || format!("a client is turned away: {} are served already", front.most));
        return;
    }
    let leave = Leave { front: Rc::clone(front), number };
    let task = spawn_local(converse(leave, Rc::clone(server), connection, stream)).abort_handle();
    if let Some(entry) = front.connections.borrow_mut().get_mut(&number) {
        entry.task = Some(task);
    }
}

/// Takes a connection off the list when its task ends, however it ends.
struct Leave {
    front: Rc<Front>,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.front.leave(self.number);
    }
}

/// Serves one connection to its end.
async fn converse(leave: Leave, server: Rc<Server>, connection: Rc<Connection>, stream: Stream) {
    let front = &leave.front;
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&connection)));
    let service = service_fn(|request| service::answer(Rc::clone(front), &server, &connection, request));
    let mut http = pin!(
        http1::Builder::new()
            .title_case_headers(true)
            .max_buf_size(HEAD)
            .header_read_timeout(None)
            .serve_connection(io, service)
    );
    let mut ending = pin!(front.ending.notified());
    let mut alarm = pin!(sleep_until(Instant::now()));
    let (mut armed, mut told) = (None, false);
    poll_fn(|context| {
        if http.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if !told && ending.as_mut().poll(context).is_ready() {
            told = true;
            http.as_mut().graceful_shutdown();
            if http.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
        }
        dawdles(&connection, alarm.as_mut(), &mut armed, context)
    })
    .await;
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
