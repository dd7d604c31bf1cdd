//! Pipes of programs that have ended, while somebody else still holds them: a grandchild goes on writing to the log of
//! its program.
//!
//! Children hold both ends of their pipes, so that they outlive the daemon. If ours were just closed, a grandchild would
//! get no EPIPE: it would fill the pipe and then wait for ever. So a pipe that has not come to its end is read on until
//! it does, or until its program is no longer supervised. Deliberately absent: events and captured texts, which belong to
//! a process id that is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ProcessId;
use model::{Level, limits};
use sys::poll::{Interest, Poll};
use sys::{clock, errno};
use wire::python;

use super::channel::{Channel, Got, Surroundings};
use super::in_flight::Buffer;
use super::mainlog::Logs;
use super::messages::Report;
use crate::mailbox::Sender;

#[derive(Debug)]
struct Leftover {
    process: ProcessId,
    name: Arc<str>,
    channel: Channel,
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub struct Leftovers {
    open: BTreeMap<u64, Leftover>,
    next: u64,
}

/// The kind of their tokens in the poll; the number is in the rest.
pub const LEFTOVER: u64 = 3 << 60;

/// What a leftover is handled with.
#[derive(Debug)]
pub struct Means<'a> {
    /// Waits for the pipes.
    pub poll: &'a Poll,
    /// Where the output goes.
    pub logs: &'a mut Logs,
    /// Not told of leftovers; a channel asks for it.
    pub reports: &'a Sender<Report>,
}

impl Leftovers {
    /// Read this on. If there are too many, the oldest is closed.
    pub fn keep(&mut self, process: ProcessId, name: &Arc<str>, channel: Channel, means: &mut Means<'_>) {
        if self.open.len() >= limits::LEFTOVER_PIPES
            && let Some((_, oldest)) = self.open.pop_first()
        {
            oldest.give_up("too many of them are held by others", means);
        }
        let token = LEFTOVER | self.next;
        self.next += 1;
        self.open.insert(token, Leftover { process, name: name.clone(), channel });
        self.watch(token, means);
    }

    /// Read one once, unless what is behind it is full; how many bytes came.
    pub fn read(&mut self, token: u64, buffer: &mut Buffer, means: &mut Means<'_>) -> usize {
        let Some(found) = self.open.get_mut(&token) else { return 0 };
        if let Some(sink) = found.channel.sink.filter(|&sink| means.logs.sinks.is_full(sink)) {
            means.logs.sinks.hold(sink, token);
            found.unwatch(means.poll);
            return 0;
        }
        match found.channel.read(buffer, &mut surroundings(found.process, &found.name, means)) {
            Got::Bytes(count) => return count,
            Got::Nothing => {}
            Got::End => {
                if let Some(ended) = self.open.remove(&token) {
                    ended.close(means);
                }
            }
        }
        0
    }

    /// Wait for its bytes, if nobody does yet.
    pub fn watch(&mut self, token: u64, means: &mut Means<'_>) {
        let Some(found) = self.open.get_mut(&token) else { return };
        let (Some(pipe), false) = (&found.channel.pipe, found.channel.watched) else { return };
        match means.poll.add(pipe, token, Interest::Read) {
            Ok(()) => found.channel.watched = true,
            Err(error) => {
                if let Some(found) = self.open.remove(&token) {
                    found.give_up(&errno::of(&error), means);
                }
            }
        }
    }

    /// All of them, for a successor.
    pub fn go(&mut self) -> Vec<(ProcessId, Channel)> {
        std::mem::take(&mut self.open).into_values().map(|found| (found.process, found.channel)).collect()
    }

    /// Wait for the bytes of none of them.
    pub fn pause(&mut self, poll: &Poll) {
        self.open.values_mut().for_each(|found| found.unwatch(poll));
    }

    /// Their tokens.
    pub fn tokens(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Close those of a process.
    pub fn forget(&mut self, process: ProcessId, means: &mut Means<'_>) {
        let (gone, kept) = std::mem::take(&mut self.open).into_iter().partition(|(_, found)| found.process == process);
        self.open = kept;
        let gone: BTreeMap<u64, Leftover> = gone;
        for found in gone.into_values() {
            found.close(means);
        }
    }
}

impl Leftover {
    fn give_up(self, reason: &str, means: &mut Means<'_>) {
        let (name, channel) = (python::repr(&self.name), self.channel.order.channel.name());
        let text = format!("closed the {channel} pipe that an ended process of {name} left to others: {reason}");
        means.logs.log(Level::Warn, clock::wall(), &text);
        self.close(means);
    }

    /// Hand on what was held back, and let go of the pipe and the log.
    fn close(mut self, means: &mut Means<'_>) {
        self.unwatch(means.poll);
        self.channel.finish(&mut surroundings(self.process, &self.name, means));
        if let Some(sink) = self.channel.sink.take() {
            means.logs.sinks.release(sink);
        }
    }

    /// A pipe that others hold would stay in the poll after it is closed, if a child being started has a copy of it.
    fn unwatch(&mut self, poll: &Poll) {
        if let (Some(pipe), true) = (&self.channel.pipe, self.channel.watched) {
            let _ = poll.remove(pipe);
        }
        self.channel.watched = false;
    }
}

fn surroundings<'a>(process: ProcessId, name: &'a str, means: &'a mut Means<'_>) -> Surroundings<'a> {
    Surroundings { process, name, logs: means.logs, reports: means.reports }
}
