//! Upgrade in place: the front's sockets and waiting clients as plain data and descriptors, and a front that goes on with them.
//!
//! First the front comes to rest (`pause`): nobody is accepted, no new request is read, what is half done is finished. Then each
//! connection is taken from under hyper (`keep`): its socket, what was read and not dealt with, what the client has not taken yet,
//! and, if its request waits for control, what is left to do. The successor gives hyper the request's first line again, and
//! the answer goes the ordinary way. Streams end: their clients come back. Deliberately absent: how descriptors pass an exec.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;
use std::time::Duration;

use engine::CallId;
use model::Level;
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use super::GRACE;
use super::bind::{BoundServer, Listener, SocketFile};
use super::calls;
use super::connection::{Connection, Peer, Phase};
use super::converse::Leftover;
use super::pages::Held;
use super::reply;
use super::serve::{self, Front, Listening};
use super::service::LEAVING;
use super::socket::Stream;
use super::work::{Asked, Work};

/// How often it is looked whether everything rests. It is a matter of milliseconds, once in a daemon's life.
const LOOK: Duration = Duration::from_millis(2);
/// What has not come to rest while the front paused is not waited for much longer: control stands still meanwhile.
const LAST: Duration = Duration::from_millis(100);

/// A front, handed over: `description` says what each of the descriptors is.
#[derive(Debug)]
pub struct Handed {
    /// To be given on with the descriptors.
    pub description: Description,
    /// In this order.
    pub descriptors: Vec<OwnedFd>,
}

/// What was handed over. Descriptors are named by their place in [`Handed::descriptors`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    servers: Vec<ServerForm>,
    connections: Vec<ConnectionForm>,
    actions: Vec<Held>,
    /// The number of the next call.
    next_call: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ServerForm {
    socket: usize,
    unix: bool,
    credentials: Option<(String, String)>,
    allow_users: Vec<u32>,
    file: Option<SocketFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ConnectionForm {
    socket: usize,
    server: usize,
    peer: Peer,
    known: bool,
    unread: Vec<u8>,
    /// A file with what the client has not taken yet.
    unsent: Option<usize>,
    closes: bool,
    asked: Option<Asked>,
}

impl Description {
    /// The calls whose answers are waited for: control must not lose an answer that comes before the client asks again.
    pub fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        let connections = self.connections.iter().filter_map(|form| form.asked.as_ref()?.call);
        connections.chain(self.actions.iter().filter_map(|held| held.call))
    }
}

/// A connection that was taken from under hyper.
#[derive(Debug)]
pub(super) struct Taken {
    form: ConnectionForm,
    socket: OwnedFd,
    unsent: Option<OwnedFd>,
}

/// What a front goes on with.
#[derive(Debug, Default)]
pub(super) struct Before {
    connections: Vec<Taken>,
    actions: Vec<Held>,
    next_call: u64,
}

impl Handed {
    /// Apart, as a front takes it up.
    ///
    /// # Errors
    /// It names a descriptor or server that is not there, or one twice.
    pub(super) fn into_parts(self) -> io::Result<(Vec<BoundServer>, Before)> {
        let Description { servers, connections, actions, next_call } = self.description;
        let mut descriptors: Vec<_> = self.descriptors.into_iter().map(Some).collect();
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "a descriptor that was handed over is missing");
        let mut take = |place: usize| descriptors.get_mut(place).and_then(Option::take).ok_or_else(missing);
        let count = servers.len();
        let mut bound = Vec::with_capacity(count);
        for ServerForm { socket, unix, credentials, allow_users, file } in servers {
            let socket = take(socket)?;
            let listener = if unix {
                Listener::Unix(UnixListener::from(socket))
            } else {
                Listener::Tcp(TcpListener::from(socket))
            };
            bound.push(BoundServer { listener, credentials, allow_users, file });
        }
        let mut taken = Vec::with_capacity(connections.len());
        for form in connections {
            let (socket, unsent) = (take(form.socket)?, form.unsent.map(&mut take).transpose()?);
            if form.server >= count {
                return Err(missing());
            }
            taken.push(Taken { form, socket, unsent });
        }
        Ok((bound, Before { connections: taken, actions, next_call }))
    }
}

/// Lets everything come to rest for a second at most, then holds back whatever would be asked next.
pub(super) async fn pause(front: &Front) {
    for connection in front.all() {
        connection.halted.set(true);
    }
    front.ends.set(true);
    front.ending.notify_waiters();
    rested(front, GRACE).await;
    front.frozen.set(true);
}

async fn rested(front: &Front, patience: Duration) {
    let end = Instant::now() + patience;
    while !rests(front) && Instant::now() < end {
        sleep(LOOK).await;
    }
}

fn rests(front: &Front) -> bool {
    front.desk.all_rest() && front.all().iter().all(|connection| connection_rests(front, connection))
}

/// Nothing is half done here: no request is begun, or it waits for an answer of control that has not come.
fn connection_rests(front: &Front, connection: &Connection) -> bool {
    match connection.phase() {
        Phase::Pause | Phase::Head => true,
        Phase::Body | Phase::Login | Phase::Stream => false,
        Phase::Request => match &*connection.work.borrow() {
            Some(Work::Action { number, .. }) => front.desk.rests(*number),
            Some(Work::Call | Work::Multicall(_)) => connection.slot.rests(),
            None => false,
        },
    }
}

/// Takes everything apart once what control has answered is on its way.
pub(super) async fn hand_over(front: &Front, servers: &[Rc<Listening>]) -> Handed {
    rested(front, LAST).await;
    front.taken.set(true);
    front.leave_all();
    let _ = timeout(GRACE, front.emptied()).await;
    let mut descriptors = Vec::new();
    let mut put = |descriptor: OwnedFd| {
        descriptors.push(descriptor);
        descriptors.len() - 1
    };
    let servers = servers.iter().filter_map(|listening| match listening.descriptor() {
        Ok((socket, unix)) => {
            let serve::Server { credentials, allow_users, file, .. } = listening.server.clone();
            Some(ServerForm { socket: put(socket), unix, credentials, allow_users, file })
        }
        Err(error) => {
            front.log(Level::Critical, || format!("a server cannot be handed over: {error}"));
            None
        }
    });
    let servers = servers.collect();
    let connections = front.kept.take().into_iter().map(|taken| {
        let Taken { form, socket, unsent } = taken;
        ConnectionForm { socket: put(socket), unsent: unsent.map(&mut put), ..form }
    });
    let connections = connections.collect();
    let actions = front.desk.take();
    Handed { description: Description { servers, connections, actions, next_call: calls::next_number() }, descriptors }
}

/// What the request of a connection waits for; to be asked before its handler is dropped.
pub(super) fn asked(connection: &Connection) -> Option<Asked> {
    if connection.phase() != Phase::Request {
        return None;
    }
    let (work, call) = (connection.work.take()?, connection.slot.call());
    // A call that has its answer and is still at the log that it reads cannot be told again.
    (call.is_some() || !matches!(work, Work::Call)).then(|| Asked { head: connection.head(), work, call })
}

/// Keeps a connection that was taken from under hyper.
pub(super) fn keep(
    front: &Front,
    server: usize,
    connection: &Connection,
    stream: Stream,
    leftover: Leftover,
    asked: Option<Asked>,
) {
    let (kept, mut closes) = connection.take_unsent();
    let mut unsent = [Vec::from(leftover.unsent), kept].concat();
    let unread = leftover.unread.into();
    match connection.phase() {
        Phase::Stream => return,
        Phase::Pause | Phase::Head => {}
        Phase::Request if asked.is_some() => {}
        Phase::Body | Phase::Login | Phase::Request => {
            unsent.extend(reply::bare_refusal(LEAVING));
            closes = true;
        }
    }
    if closes && unsent.is_empty() {
        return;
    }
    let kept = stream.into_descriptor().and_then(|socket| {
        let unsent = if unsent.is_empty() { None } else { Some(file_of(&unsent)?) };
        let (peer, known) = (connection.peer, connection.known.get());
        let form = ConnectionForm { socket: 0, server, peer, known, unread, unsent: None, closes, asked };
        Ok(Taken { form, socket, unsent })
    });
    match kept {
        Ok(taken) => front.kept.borrow_mut().push(taken),
        Err(error) => front.log(Level::Error, || format!("a client cannot be handed over: {error}")),
    }
}

fn file_of(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("unsent", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file.into())
}

/// Serves on what another front has handed over.
pub(super) fn go_on(front: &Rc<Front>, servers: &[Rc<Listening>], before: Before) {
    calls::go_on_from(before.next_call);
    let mut watches: Vec<_> = before.actions.into_iter().map(|held| Some(front.desk.go_on(front, held))).collect();
    for taken in before.connections {
        let watch = match &taken.form.asked {
            Some(Asked { work: Work::Action { number, .. }, .. }) => watches
                .iter_mut()
                .find(|watch| watch.as_ref().is_some_and(|watch| watch.number == *number))
                .and_then(Option::take),
            _ => None,
        };
        let Some(server) = servers.get(taken.form.server) else { continue };
        let connection = Connection::new(taken.form.peer);
        connection.known.set(taken.form.known);
        connection.action_before.replace(watch);
        match revive(server, taken, &connection) {
            Ok((stream, leftover)) => serve::greet(front, server, stream, connection, leftover),
            Err(error) => front.log(Level::Error, || format!("a client cannot be served on: {error}")),
        }
    }
}

fn revive(server: &Listening, taken: Taken, connection: &Connection) -> io::Result<(Stream, Leftover)> {
    let Taken { form, socket, unsent } = taken;
    let stream = if server.server.address.is_none() {
        Stream::Unix(tokio::net::UnixStream::from_std(nonblocking(
            UnixStream::from(socket),
            UnixStream::set_nonblocking,
        )?)?)
    } else {
        Stream::Tcp(tokio::net::TcpStream::from_std(nonblocking(TcpStream::from(socket), TcpStream::set_nonblocking)?)?)
    };
    let mut sent = Vec::new();
    if let Some(unsent) = unsent {
        let mut file = File::from(unsent);
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut sent)?;
    }
    let head = form.asked.as_ref().map(|asked| asked.head.clone()).unwrap_or_default();
    connection.asked_before.replace(form.asked);
    let unread = [head.into_bytes(), form.unread].concat().into();
    Ok((stream, Leftover { unread, unsent: sent.into(), closes: form.closes }))
}

fn nonblocking<T>(stream: T, set: impl Fn(&T, bool) -> io::Result<()>) -> io::Result<T> {
    set(&stream, true)?;
    Ok(stream)
}
