//! The plane moves what children write to its sinks: files, pipes and terminals, syslog.
//!
//! It is a thread with one epoll loop. Nothing in it waits for a reader, for control or for a program; what a sink does not
//! take is kept up to a bound, and then its programs are no longer read. Orders are done in the order given, lines of the
//! daemon's log among them. Deliberately absent: decisions, processes, clients, the files' names.
//!
//! - `run` is the loop, `orders` what control has it do, `busy` says which pipes are read in rounds; `channel` one child's stdout or stderr, `capture` what is done to its bytes,
//!   `leftover` the pipe that a grandchild goes on with.
//! - `sink` knows all that is open, `opening` how it came to be: `file` (with `rotate`) and `stream`; `backlog` is what waits; `syslog` (with `journal`) stands beside.
//! - `in_flight` is what was read and is not yet written, `recovery` what another daemon had there when it died.
//! - `mainlog` is the daemon's own log; `handing` is what goes to a successor in the same process.

mod backlog;
mod busy;
mod capture;
mod channel;
mod file;
mod handing;
mod in_flight;
mod journal;
mod leftover;
mod mainlog;
pub mod messages;
mod opening;
mod orders;
mod recovery;
mod rotate;
mod run;
mod sink;
mod stream;
mod syslog;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::thread::JoinHandle;

pub use channel::Going;
pub use handing::{Held, HeldLine, HeldSink};
pub use in_flight::{Buffer, Owner};
pub use mainlog::{LogError, Logs};
pub use messages::{ChannelOrder, Order, Report};
pub use recovery::Recovery;

use crate::mailbox::{Receiver, Sender, mailbox};

/// The running plane.
#[derive(Debug)]
pub struct PlaneHandle {
    /// Tell it what to do.
    pub orders: Sender<Order>,
    /// Hear what became of it.
    pub reports: Receiver<Report>,
    thread: JoinHandle<Option<Held>>,
}

impl PlaneHandle {
    /// Have it end and give everything back, with the last reports. To be called once it pauses.
    #[must_use]
    pub fn hand_over(self) -> (Held, VecDeque<Report>) {
        self.orders.send(Order::HandOver);
        // A panic of the thread has been printed; what it had is lost.
        let held = self.thread.join().ok().flatten().unwrap_or_default();
        (held, self.reports.take())
    }

    /// Wait for the plane's end, after `Order::Finish`: at most a few seconds.
    pub fn join(self) {
        // A panic of the thread has been printed, and there is nothing left to save.
        let _ = self.thread.join();
    }
}

/// Start the plane with the daemon's log, opened before, and with what pipes are read into.
///
/// # Errors
/// No descriptor or no thread is to be had.
pub fn start(logs: Logs, buffer: Buffer) -> io::Result<PlaneHandle> {
    let (orders, order_box) = mailbox()?;
    let (report_box, reports) = mailbox()?;
    let plane = run::Plane::new(logs, buffer, order_box, report_box)?;
    let thread = std::thread::Builder::new().name("plane".into()).spawn(move || plane.run())?;
    Ok(PlaneHandle { orders, reports, thread })
}
