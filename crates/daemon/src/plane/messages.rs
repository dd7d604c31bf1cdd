//! What control tells the plane to do, and what the plane reports back.
//!
//! Orders are done in the order given, so that a line logged before a reopening stands in the old file.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use config::OutputConfig;
use engine::{ProcessId, Ticket, input::ClearError};
use model::{Channel, Level, WallTime};

use super::channel::Going;
use super::handing::{HeldLine, HeldSink};
use super::recovery::Recovery;

/// What the plane is told to do.
#[derive(Debug)]
pub enum Order {
    /// Open the sinks of a process that is about to be started, or keep them if they are the same and still open.
    /// Report: `Opened`.
    Open {
        /// Which.
        process: ProcessId,
        /// Its name, as syslog's tag and in messages.
        name: Arc<str>,
        /// stdout, and stderr unless it is redirected.
        channels: [Option<ChannelOrder>; 2],
    },
    /// The process has been started: read these pipes.
    Attach {
        /// Which.
        process: ProcessId,
        /// Its process id, for events.
        pid: u32,
        /// Read ends of stdout (unless control reads it itself: a listener) and stderr.
        pipes: [Option<OwnedFd>; 2],
    },
    /// The process has ended: read what is left without waiting, then close its pipes. Report: `Drained`.
    Drain {
        /// Which.
        process: ProcessId,
    },
    /// Write this to the process' sink (a listener's stdout, which control reads).
    Write {
        /// Which.
        process: ProcessId,
        /// To which channel's sink.
        channel: Channel,
        /// What.
        data: Vec<u8>,
    },
    /// Close the sinks of processes that are no longer supervised.
    Forget {
        /// Which.
        processes: Vec<ProcessId>,
    },
    /// Remove and reopen the logs of a process. Report: `Cleared`.
    Clear {
        /// For the report.
        ticket: Ticket,
        /// Whose.
        process: ProcessId,
    },
    /// Remove and reopen the daemon's log. Report: `Cleared`.
    ClearMainLog {
        /// For the report.
        ticket: Ticket,
    },
    /// Close and open all logs again.
    Reopen,
    /// A line of the daemon's log.
    Log {
        /// How grave; not logged if less grave than `loglevel`.
        level: Level,
        /// When.
        at: WallTime,
        /// The words.
        text: String,
    },
    /// Say when everything before this has been done. Report: `Marked`.
    Mark {
        /// For the report.
        number: u64,
    },
    /// Bytes for the daemon's stdout.
    Print {
        /// What.
        data: Vec<u8>,
    },
    /// Read no more of what programs write, until `GoOn`. Report: `Paused`, after which nothing of theirs comes.
    Pause {
        /// For the report.
        number: u64,
    },
    /// After `Pause`: read on.
    GoOn,
    /// After `Pause`: end, and give back what a successor must have (`PlaneHandle::join`).
    HandOver,
    /// Go on with the output of a process of the daemon before.
    TakeUp {
        /// Which.
        process: ProcessId,
        /// Its name.
        name: Arc<str>,
        /// As for `Open`.
        channels: [Option<ChannelOrder>; 2],
        /// Where they were.
        states: [Option<Going>; 2],
        /// Pipes that its ended children have left to others.
        leftovers: Vec<(Channel, Going)>,
    },
    /// Go on with what waited for sinks and the system's log.
    Resume {
        /// Sinks.
        sinks: Vec<HeldSink>,
        /// Lines for the system's log.
        syslog: Vec<HeldLine>,
    },
    /// Write what a daemon that died had read and not written. To be given before any pipe is.
    Recover(Box<Recovery>),
    /// Write what waits, within a bound of time, and end.
    Finish,
}

/// What is to be done with one channel's output.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelOrder {
    /// The file, AUTO resolved.
    pub path: Option<PathBuf>,
    /// Sizes, capture, events, syslog.
    pub config: OutputConfig,
    /// Strip ANSI sequences.
    pub strip_ansi: bool,
    /// For messages and events.
    pub channel: Channel,
    /// The process' group, for the journal.
    pub group: Arc<str>,
}

/// What the plane reports.
#[derive(Debug)]
pub enum Report {
    /// To `Order::Open`: the sinks are open, or the errno name of the first that is not (`EISDIR`).
    Opened {
        /// Which.
        process: ProcessId,
        /// Whether.
        result: Result<(), String>,
    },
    /// To `Order::Drain`.
    Drained {
        /// Which.
        process: ProcessId,
    },
    /// Output of a channel with `…_events_enabled`.
    Output {
        /// Which.
        process: ProcessId,
        /// On which.
        channel: Channel,
        /// What.
        data: Vec<u8>,
    },
    /// To `Order::Pause`.
    Paused {
        /// Of the order.
        number: u64,
    },
    /// What stood between the communication tokens.
    Captured {
        /// Which.
        process: ProcessId,
        /// On which.
        channel: Channel,
        /// What.
        data: Vec<u8>,
    },
    /// To `Order::Mark`.
    Marked {
        /// Of the order.
        number: u64,
    },
    /// To `Order::Clear` and `Order::ClearMainLog`.
    Cleared {
        /// Of the order.
        ticket: Ticket,
        /// Whether.
        result: Result<(), ClearError>,
    },
}
