//! The life of the front: accepting clients, serving each connection, keeping within bounds, and ending.
//!
//! Everything here runs in one thread; what is shared is shared by `Rc`. Bounds: the number of connections (`room`), and the memory of bodies and answers together (`share`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use jiff::Timestamp;
use model::{Level, Value, limits};
use rustix::process::{Resource, getrlimit};
use sys::memory;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::auth::Logins;
use super::bind::{BoundServer, Listener, SocketFile};
use super::connection::{Connection, Peer};
use super::converse::{Leftover, converse};
use super::date::Dates;
use super::handover::{self, Before, Handed, Taken};
use super::live::Live;
use super::messages::ClientEvent;
use super::pages::Desk;
use super::room::{self, Guest, Overflow, Room};
use super::share::{Memory, Share};
use super::site::OwnNames;
use super::socket::Stream;
use super::{FrontSettings, GRACE};
use crate::mailbox::Sender;

/// Takes lines for the daemon's log.
pub(super) type Log = Box<dyn Fn(Level, String)>;

/// A server whose listener belongs to the runtime.
#[derive(Debug)]
pub(super) struct Listening {
    /// What requests must know of it.
    pub server: Server,
    /// Its number among all.
    pub number: usize,
    listener: AsyncListener,
}

#[derive(Debug)]
enum AsyncListener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listening {
    /// Registers a bound server with the runtime that is entered.
    pub fn new((number, bound): (usize, BoundServer)) -> io::Result<Self> {
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
        let BoundServer { credentials, allow_users, file, .. } = bound;
        Ok(Self { server: Server { credentials, allow_users, address, file }, number, listener })
    }

    /// Another descriptor of its socket, and whether it is a unix socket.
    pub fn descriptor(&self) -> io::Result<(OwnedFd, bool)> {
        match &self.listener {
            AsyncListener::Unix(listener) => Ok((listener.as_fd().try_clone_to_owned()?, true)),
            AsyncListener::Tcp(listener) => Ok((listener.as_fd().try_clone_to_owned()?, false)),
        }
    }
}

/// What requests must know of the server that they came to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Name and password, if it has any.
    pub credentials: Option<(String, String)>,
    /// Users who need none.
    pub allow_users: Vec<u32>,
    /// Where it listens, if on TCP.
    pub address: Option<SocketAddr>,
    /// The file of its socket, if it has one.
    pub file: Option<SocketFile>,
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
    /// Of answers.
    pub dates: Dates,
    /// What the page was told to do.
    pub desk: Desk,
    /// Rings when streams are to end.
    pub ending: Notify,
    /// Connections are to end, or to be taken from under hyper,
    pub leaves: Cell<bool>,
    /// and this rings when it comes to that.
    pub leaving: Notify,
    /// Nothing new is asked of control: the daemon is about to be replaced.
    pub frozen: Cell<bool>,
    /// Connections are being taken from under hyper.
    pub taken: Cell<bool>,
    /// Those that have been.
    pub kept: RefCell<Vec<Taken>>,
    /// It ends: no stream is begun any more.
    pub ends: Cell<bool>,
    log: Log,
    memory: Memory,
    /// Large bodies or answers have been held: what they took is given back when the last client goes.
    large: Cell<bool>,
    connections: RefCell<HashMap<u64, Entry>>,
    most: usize,
    overflow: RefCell<Overflow>,
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
        let share = self.memory.share(bytes)?;
        self.large.set(true);
        Some(share)
    }

    /// Nobody is served yet.
    pub fn new(settings: FrontSettings, control: Sender<ClientEvent>, log: Log) -> Self {
        Self {
            settings,
            control,
            waiting: Cell::new(0),
            encoded: RefCell::default(),
            logins: Logins::default(),
            live: Live::default(),
            names: OwnNames::read(),
            began: Timestamp::now(),
            dates: Dates::default(),
            desk: Desk::default(),
            ending: Notify::new(),
            leaves: Cell::new(false),
            leaving: Notify::new(),
            frozen: Cell::new(false),
            taken: Cell::new(false),
            kept: RefCell::default(),
            ends: Cell::new(false),
            log,
            memory: Memory::default(),
            large: Cell::new(false),
            connections: RefCell::default(),
            most: most_connections(),
            overflow: RefCell::default(),
            gone: Notify::new(),
        }
    }

    /// Enters a connection in the list of all, if there is room or another makes room for it.
    fn enter(&self, number: u64, connection: &Rc<Connection>) -> bool {
        let mut all = self.connections.borrow_mut();
        // Most of the time nobody has to be counted.
        if all.len() >= self.most / 2 {
            let guest = |(&number, entry): (&u64, &Entry)| Guest {
                number,
                origin: entry.connection.peer.into(),
                standing: entry.connection.standing(),
            };
            let guests: Vec<_> = all.iter().map(guest).collect();
            let room = room::find(&guests, connection.peer.into(), self.most);
            if room != Room::Free
                && let Some(count) = self.overflow.borrow_mut().one_more(std::time::Instant::now())
            {
                let most = self.most;
                self.log(Level::Warn, || {
                    format!("{count} clients were let go or turned away: {most} at once are served, and half of them for one address")
                });
            }
            match room {
                Room::Free => {}
                Room::Full => return false,
                Room::After(victim) => {
                    if let Some(Entry { task: Some(task), .. }) = all.remove(&victim) {
                        task.abort();
                    }
                }
            }
        }
        all.insert(number, Entry { connection: Rc::clone(connection), task: None });
        true
    }

    /// All connections.
    pub fn all(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().values().map(|entry| Rc::clone(&entry.connection)).collect()
    }

    /// Tells all connections to end. One whose task has not begun finds the word when it does.
    pub fn leave_all(&self) {
        self.leaves.set(true);
        self.leaving.notify_waiters();
    }

    /// Waits until there is none.
    pub async fn emptied(&self) {
        while !self.connections.borrow().is_empty() {
            self.gone.notified().await;
        }
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

/// What the front is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Come to rest, and say so by [`ClientEvent::Paused`].
    Pause,
    /// Give everything to whoever asks here.
    HandOver(std::sync::mpsc::Sender<Handed>),
}

/// Serves until told to stop.
pub(super) async fn run(
    front: Front,
    servers: Vec<Listening>,
    before: Before,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let front = Rc::new(front);
    let servers: Vec<_> = servers.into_iter().map(Rc::new).collect();
    handover::go_on(&front, &servers, before);
    let accepting: Vec<_> =
        servers.iter().map(|server| spawn_local(accept(Rc::clone(&front), Rc::clone(server)))).collect();
    // A handle that is dropped means the same as one that is stopped.
    while let Some(order) = orders.recv().await {
        for task in &accepting {
            task.abort();
        }
        if !front.frozen.get() {
            handover::pause(&front).await;
        }
        match order {
            Order::Pause => drop(front.control.send(ClientEvent::Paused)),
            Order::HandOver(taker) => {
                let _ = taker.send(handover::hand_over(&front, &servers).await);
                return;
            }
        }
    }
    for task in accepting {
        task.abort();
    }
    front.ends.set(true);
    front.ending.notify_waiters();
    front.leave_all();
    let _ = timeout(GRACE, front.emptied()).await;
}

/// Descriptors are for the children first: clients get a quarter of them.
fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 4).unwrap_or(usize::MAX).clamp(16, limits::CONNECTIONS)
}

async fn accept(front: Rc<Front>, listening: Rc<Listening>) {
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
                greet(&front, &listening, stream, Connection::new(peer), Leftover::default());
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
pub(super) fn greet(
    front: &Rc<Front>,
    server: &Rc<Listening>,
    stream: Stream,
    connection: Connection,
    leftover: Leftover,
) {
    thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
    let number = NUMBER.get();
    NUMBER.set(number + 1);
    let connection = Rc::new(connection);
    if !front.enter(number, &connection) {
        return;
    }
    let leave = Leave { front: Rc::clone(front), number };
    let talk = converse(leave, Rc::clone(server), connection, stream, leftover);
    let task = spawn_local(talk).abort_handle();
    if let Some(entry) = front.connections.borrow_mut().get_mut(&number) {
        entry.task = Some(task);
    }
}

/// Takes a connection off the list when its task ends, however it ends.
pub(super) struct Leave {
    /// What all share.
    pub front: Rc<Front>,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.front.leave(self.number);
    }
}
