//! The front serves HTTP on the unix and TCP sockets: XML-RPC, log tails and the web page.
//!
//! It runs in a thread of its own, so that a slow or hostile client is its trouble alone: control sees decoded calls only and
//! gives each exactly one answer. Sockets are bound before the daemon goes into the background (`bind`), served after it
//! (`start`). Deliberately absent: any knowledge of programs beyond what control answers, and any decision about them.

mod access;
mod auth;
mod bind;
mod calls;
mod connection;
mod converse;
mod date;
mod follow;
mod handover;
mod live;
mod logread;
pub mod messages;
mod pages;
mod query;
mod reply;
mod room;
mod rpc;
mod serve;
mod service;
mod share;
mod site;
mod socket;
mod statics;
mod tail;
mod usage;
mod work;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use model::Level;
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::mailbox::Sender;

use handover::Before;
use serve::Order;

pub use bind::{BindError, BoundServer, SocketFile, bind};
pub use handover::{Description, Handed};
pub use messages::ClientEvent;

/// How long answers that are ready may take to go out once the front is told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Threads that wait for disks. More than one, so that a dead disk stops the readers of its own files only.
const DISK_THREADS: usize = 4;

/// What the front must know of the configuration.
#[derive(Clone, Debug)]
pub struct FrontSettings {
    /// The daemon's own log, if it is a file.
    pub main_log: Option<PathBuf>,
    /// The least grave level that is logged: lines about single requests are not even made up above it.
    pub loglevel: Level,
}

/// The running front.
#[derive(Debug)]
pub struct FrontHandle {
    orders: UnboundedSender<Order>,
    ended: mpsc::Receiver<()>,
    files: Vec<SocketFile>,
}

/// Serves these servers in a thread of its own until the handle is stopped or dropped.
///
/// `log` takes lines for the daemon's log; it is called from the front's thread.
///
/// # Errors
/// No thread or descriptor is left.
pub fn start(
    servers: Vec<BoundServer>,
    settings: FrontSettings,
    control: Sender<ClientEvent>,
    log: impl Fn(Level, String) + Send + 'static,
) -> io::Result<FrontHandle> {
    launch(servers, Before::default(), settings, control, Box::new(log))
}

/// Serves on what another front has handed over: its listening sockets, its idle connections, and the clients that wait for an
/// answer. Of each call that waits control is told by [`ClientEvent::Waits`].
///
/// # Errors
/// No thread or descriptor is left, or what was handed over contradicts itself.
pub fn take_up(
    handed: Handed,
    settings: FrontSettings,
    control: Sender<ClientEvent>,
    log: impl Fn(Level, String) + Send + 'static,
) -> io::Result<FrontHandle> {
    let (servers, before) = handed.into_parts()?;
    launch(servers, before, settings, control, Box::new(log))
}

fn launch(
    servers: Vec<BoundServer>,
    before: Before,
    settings: FrontSettings,
    control: Sender<ClientEvent>,
    log: Box<dyn Fn(Level, String) + Send>,
) -> io::Result<FrontHandle> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(DISK_THREADS)
        .thread_keep_alive(Duration::from_secs(2))
        .thread_stack_size(256 * 1024)
        .build()?;
    let files = servers.iter().filter_map(|server| server.socket_file().cloned()).collect();
    let listening = {
        // tokio registers sockets with the runtime that is entered.
        let _entered = runtime.enter();
        servers.into_iter().enumerate().map(serve::Listening::new).collect::<io::Result<Vec<_>>>()?
    };
    let (orders, taken) = unbounded_channel();
    let (end, ended) = mpsc::channel();
    thread::Builder::new().name("front".into()).spawn(move || {
        sys::scheduling::answer_soon();
        let front = serve::Front::new(settings, control, log);
        LocalSet::new().block_on(&runtime, serve::run(front, listening, before, taken));
        // A thread that hangs on a dead disk is left behind.
        runtime.shutdown_background();
        let _ = end.send(());
    })?;
    Ok(FrontHandle { orders, ended, files })
}

impl FrontHandle {
    /// Stops serving: no new client, answers that are ready go out within a second, then every connection is closed and the
    /// socket files are removed.
    pub fn stop(self) {
        drop(self.orders);
        let _ = self.ended.recv_timeout(GRACE * 2);
        for file in &self.files {
            file.remove();
        }
    }

    /// The first half of a hand-over; returns at once. The front accepts nobody and reads no new request from now on (clients
    /// wait in the kernel), lets what is half read or half written come to its end for a second at most, asks nothing any more and
    /// then says [`ClientEvent::Paused`]. Control goes on answering meanwhile.
    pub fn pause(&self) {
        let _ = self.orders.send(Order::Pause);
    }

    /// The second half, after [`ClientEvent::Paused`] and after control has dealt with every event that came before it: answers
    /// that control has given go out, everything else is taken from under HTTP and handed over. From here on control must not
    /// answer any call: that is for whoever calls [`take_up`], in this process or another.
    ///
    /// The socket files stay, and so do the descriptors: no client notices.
    ///
    /// # Errors
    /// The front has ended.
    pub fn hand_over(self) -> io::Result<Handed> {
        let (taker, handed) = mpsc::channel();
        let gone = || io::Error::other("the front has ended");
        self.orders.send(Order::HandOver(taker)).map_err(|_| gone())?;
        let handed = handed.recv().map_err(|_| gone())?;
        let _ = self.ended.recv_timeout(GRACE);
        Ok(handed)
    }
}
