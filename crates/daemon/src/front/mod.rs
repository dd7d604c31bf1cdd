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
mod follow;
mod live;
mod logread;
pub mod messages;
mod pages;
mod query;
mod reply;
mod rpc;
mod serve;
mod service;
mod site;
mod statics;
mod tail;
mod usage;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use model::Level;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::mailbox::Sender;

pub use bind::{BindError, BoundServer, SocketFile, bind};
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
    stop: oneshot::Sender<()>,
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
        servers.into_iter().map(serve::Listening::new).collect::<io::Result<Vec<_>>>()?
    };
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::channel();
    thread::Builder::new().name("front".into()).spawn(move || {
        LocalSet::new().block_on(&runtime, serve::run(listening, settings, control, Box::new(log), stopped));
        // A thread that hangs on a dead disk is left behind.
        runtime.shutdown_background();
        let _ = end.send(());
    })?;
    Ok(FrontHandle { stop, ended, files })
}

impl FrontHandle {
    /// Stops serving: no new client, answers that are ready go out within a second, then every connection is closed and the
    /// socket files are removed.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.ended.recv_timeout(GRACE * 2);
        for file in &self.files {
            file.remove();
        }
    }
}
