//! What goes from the plane of one daemon to that of its successor in the same process: pipes, what was held back between
//! two reads, and what waits for a sink that does not take it.
//!
//! Everything else is in files already: the successor opens them again. Deliberately absent: waiting for a sink.

use std::path::PathBuf;
use std::sync::Arc;

use engine::ProcessId;
use model::Channel as Which;
use serde::{Deserialize, Serialize};

use super::channel::{Channel, Going};
use super::leftover::Means;
use super::messages::{ChannelOrder, Report};
use super::run::{Plane, Process, token_of};

/// What waits for a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSink {
    /// By which it is opened.
    pub path: PathBuf,
    /// At which it is rotated.
    pub maxbytes: u64,
    /// How many old files are kept.
    pub backups: u32,
    /// What waits.
    pub bytes: Vec<u8>,
    /// How much was lost so far.
    pub lost: u64,
}

/// A line that waits for the system's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// Before the line, for /dev/log.
    pub head: String,
    /// Beside the line, for the journal.
    pub fields: Vec<u8>,
    /// The line.
    pub line: Vec<u8>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Held {
    /// Of processes that were started at least once.
    pub channels: Vec<(ProcessId, Which, Going)>,
    /// Pipes that ended processes have left to others.
    pub leftovers: Vec<(ProcessId, Which, Going)>,
    /// Sinks.
    pub sinks: Vec<HeldSink>,
    /// Lines for the system's log.
    pub syslog: Vec<HeldLine>,
}

impl Plane {
    /// Read no pipe any more.
    pub(super) fn pause(&mut self, number: u64) {
        for process in self.processes.keys().copied().collect::<Vec<_>>() {
            self.unwatch(token_of(process, 0));
            self.unwatch(token_of(process, 1));
        }
        self.leftovers.pause(&self.poll);
        self.paused = true;
        self.reports.send(Report::Paused { number });
    }

    /// Read them again; those behind a full sink are found out anew.
    pub(super) fn go_on(&mut self) {
        self.paused = false;
        for process in self.processes.keys().copied().collect::<Vec<_>>() {
            self.watch(token_of(process, 0));
            self.watch(token_of(process, 1));
        }
        for token in self.leftovers.tokens() {
            self.watch(token);
        }
    }

    /// Write what goes out at once, and give the rest away.
    pub(super) fn hand_over(mut self) -> Held {
        self.logs.tell();
        self.logs.sinks.retry(None);
        for id in self.logs.sinks.ids() {
            self.logs.sinks.flush(id);
        }
        self.logs.syslog.flush(&mut self.logs.sinks.notices);
        self.logs.tell();
        let whose = |(process, channel): (ProcessId, Channel)| (process, channel.order.channel, channel.go());
        let leftovers = self.leftovers.go().into_iter().map(whose).collect();
        let processes = self.processes.drain().map(|(process, found)| (process, found.channels));
        let channels = processes
            .flat_map(|(process, channels)| channels.into_iter().flatten().map(move |channel| (process, channel)));
        Held {
            channels: channels.map(whose).collect(),
            leftovers,
            sinks: self.logs.sinks.so_far(),
            syslog: self.logs.syslog.so_far(),
        }
    }

    /// Go on with the channels of a process.
    pub(super) fn take_up(
        &mut self,
        process: ProcessId,
        name: Arc<str>,
        orders: [Option<ChannelOrder>; 2],
        states: [Option<Going>; 2],
    ) {
        let mut channels = [None, None];
        for (place, (order, state)) in channels.iter_mut().zip(orders.into_iter().zip(states)) {
            if let (Some(order), Some(state)) = (order, state) {
                *place = Some(self.resume(order, state));
            }
        }
        self.processes.insert(process, Box::new(Process { name, channels }));
        self.watch(token_of(process, 0));
        self.watch(token_of(process, 1));
    }

    pub(super) fn take_up_leftovers(&mut self, process: ProcessId, leftovers: Vec<(Which, Going)>) {
        for (which, state) in leftovers {
            let Some(found) = self.processes.get(&process) else { return };
            let name = found.name.clone();
            let of_channel = found.channels.iter().flatten().find(|channel| channel.order.channel == which);
            let Some(order) = of_channel.map(|channel| Channel::leftover(channel.order.clone())) else { continue };
            let channel = self.resume(order, state);
            let mut means = Means { poll: &self.poll, logs: &mut self.logs, reports: &self.reports };
            self.leftovers.keep(process, &name, channel, &mut means);
        }
    }

    fn resume(&mut self, order: ChannelOrder, state: Going) -> Channel {
        let path = order.path.clone().filter(|_| state.open);
        let (maxbytes, backups) = (order.config.maxbytes, order.config.backups);
        let sink = path.map(|path| self.logs.sinks.open_again(&path, maxbytes, backups));
        Channel::resume(order, sink, state)
    }
}
