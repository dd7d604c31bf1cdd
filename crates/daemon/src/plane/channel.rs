//! One child's stdout or stderr: from its pipe to its log, to syslog, to the daemon's log at debug level, and to control.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::ProcessId;
use model::Level;
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
use sys::clock;
use wire::python;

use super::busy::Pace;
use super::capture::{Filter, Found};
use super::in_flight::Buffer;
use super::mainlog::Logs;
use super::messages::{ChannelOrder, Report};
use super::sink::{LARGE_READ, SMALL_READ, SinkId};
use crate::mailbox::Sender;

/// What a dead process can have left in a pipe is less; more comes from others that hold it open.
const DRAIN: usize = 4 * 1024 * 1024;

/// What a read of a pipe brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nobody holds the other end any more.
    End,
}

/// One channel of one process.
#[derive(Debug)]
pub struct Channel {
    /// What is to be done with its output.
    pub order: ChannelOrder,
    /// Where its output comes from, while the process runs.
    pub pipe: Option<OwnedFd>,
    /// The poll has been told to wait for the pipe.
    pub watched: bool,
    /// Where it is logged.
    pub sink: Option<SinkId>,
    filter: Option<Box<Filter>>,
    /// It has written more at once than a pipe holds by default, and has got a larger one.
    grown: bool,
    /// How many bytes its pipe holds, as far as is known.
    holds: usize,
    /// How it is read.
    pub pace: Pace,
}

/// A channel between two daemons.
#[derive(Debug)]
pub struct Going {
    /// Where its output comes from.
    pub pipe: Option<OwnedFd>,
    /// Its log was open.
    pub open: bool,
    /// What the filter held back.
    pub held_back: [Vec<u8>; 2],
    /// The pipe is a larger one.
    pub grown: bool,
}

/// What is around a channel while its bytes are handled.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Whose.
    pub process: ProcessId,
    /// Its name.
    pub name: &'a str,
    /// Where to log.
    pub logs: &'a mut Logs,
    /// Where to report.
    pub reports: &'a Sender<Report>,
}

impl Channel {
    /// A channel whose sink has been opened.
    pub fn new(order: ChannelOrder, sink: Option<SinkId>) -> Self {
        let filter = Filter::of(&order);
        let (grown, holds) = (false, SMALL_READ);
        Self { order, pipe: None, watched: false, sink, filter, grown, holds, pace: Pace::default() }
    }

    /// A channel that goes on where that of another daemon was.
    pub fn resume(order: ChannelOrder, sink: Option<SinkId>, state: Going) -> Self {
        let mut channel = Self::new(order, sink);
        if let Some(filter) = &mut channel.filter {
            filter.resume(&state.held_back);
        }
        channel.pipe = state.pipe;
        channel.grown = state.grown;
        channel.measure();
        channel
    }

    /// What a successor must know of it.
    pub fn go(self) -> Going {
        let held_back = self.filter.as_ref().map(|filter| filter.so_far()).unwrap_or_default();
        Going { pipe: self.pipe, open: self.sink.is_some(), held_back, grown: self.grown }
    }

    /// A pipe that others hold after the end of their process: it is logged, and nothing else is done with it.
    pub fn leftover(mut order: ChannelOrder) -> ChannelOrder {
        order.config.capture_maxbytes = 0;
        order.config.events_enabled = false;
        order
    }

    /// True if control hears of its output, so that control has to keep up.
    pub const fn reports(&self) -> bool {
        self.order.config.events_enabled || self.order.config.capture_maxbytes > 0
    }

    /// Read its pipe once and hand on what came.
    pub fn read(&mut self, buffer: &mut Buffer, around: &mut Surroundings<'_>) -> Got {
        let Some(pipe) = &self.pipe else { return Got::Nothing };
        let most = self.read_length(around.logs);
        let waiting = ioctl_fionread(pipe).map_or(most, |waiting| usize::try_from(waiting).unwrap_or(most).min(most));
        let result = rustix::io::read(pipe, buffer.begin(around.process, self.order.channel, waiting));
        if let Ok(count @ 1..) = result {
            self.take(buffer.came(count), true, around);
            buffer.end();
            return Got::Bytes(count);
        }
        buffer.end();
        if matches!(result, Err(Errno::AGAIN | Errno::INTR)) { Got::Nothing } else { Got::End }
    }

    /// It floods: that goes faster through a larger pipe. One that control has made larger already stays.
    pub fn grow(&mut self) {
        let Some(pipe) = self.pipe.as_ref().filter(|_| !self.grown) else { return };
        self.grown = true;
        if fcntl_getpipe_size(pipe).is_ok_and(|size| size < LARGE_READ) {
            let _ = fcntl_setpipe_size(pipe, LARGE_READ);
        }
        self.measure();
    }

    /// Look how many bytes its pipe holds: the kernel gives a user who has many pipes ones of two pages, and a program may
    /// change its own.
    pub fn measure(&mut self) {
        if let Some(Ok(size)) = self.pipe.as_ref().map(fcntl_getpipe_size) {
            self.holds = size;
        }
    }

    /// How many bytes one read of its pipe brings at most.
    pub fn capacity(&self, logs: &Logs) -> usize {
        self.read_length(logs).min(self.holds)
    }

    fn read_length(&self, logs: &Logs) -> usize {
        let looked_at =
            self.filter.is_some() || self.order.config.events_enabled || self.order.config.syslog || echoes(logs);
        match self.sink {
            Some(id) if !looked_at => logs.sinks.room(id),
            _ => SMALL_READ,
        }
    }

    /// Hand on bytes that came from the pipe, or (`whole` is false) that control has read itself: those are only logged.
    pub fn take(&mut self, data: &[u8], whole: bool, around: &mut Surroundings<'_>) {
        self.guarded(around, |channel, around| match channel.filter.take() {
            None => channel.emit(data, whole, around),
            Some(mut filter) => {
                filter.feed(data, |found| channel.hand_on(found, whole, around));
                channel.filter = Some(filter);
            }
        });
    }

    /// The process has ended and all was read: hand on what was held back, and begin anew.
    pub fn finish(&mut self, around: &mut Surroundings<'_>) {
        self.guarded(around, |channel, around| {
            if let Some(mut filter) = channel.filter.take() {
                filter.finish(|found| channel.hand_on(found, true, around));
            }
        });
        self.pipe = None;
        self.watched = false;
    }

    /// The process has ended: read what is left without waiting, and begin anew. A pipe that others still hold comes back
    /// as a channel that goes on with the same log, and does nothing else.
    pub fn drain(&mut self, buffer: &mut Buffer, around: &mut Surroundings<'_>) -> Option<Self> {
        let (mut bytes, mut last) = (0, Got::Nothing);
        while bytes < DRAIN {
            last = self.read(buffer, around);
            let Got::Bytes(count) = last else { break };
            bytes += count;
        }
        let pipe = self.pipe.take();
        self.finish(around);
        if last == Got::End {
            return None;
        }
        let pipe = Some(pipe?);
        let order = Self::leftover(self.order.clone());
        let filter = Filter::of(&order);
        Some(Self { pipe, filter, grown: self.grown, ..Self::new(order, self.sink.take()) })
    }

    /// A defect in the handling of one channel closes its log, and nothing else; its program is read on.
    fn guarded(&mut self, around: &mut Surroundings<'_>, work: impl FnOnce(&mut Self, &mut Surroundings<'_>)) {
        // Whatever was half done is this channel's filter and sink, and both are dropped below.
        if catch_unwind(AssertUnwindSafe(|| work(self, around))).is_err() {
            self.filter = None;
            if let Some(sink) = self.sink.take() {
                around.logs.sinks.release(sink);
            }
            let text = format!(
                "a defect was met in logging {} {}: this log is closed until the next start",
                python::repr(around.name),
                self.order.channel.name()
            );
            around.logs.log(Level::Critical, clock::wall(), &text);
        }
    }

    fn hand_on(&self, found: Found<'_>, whole: bool, around: &mut Surroundings<'_>) {
        match found {
            Found::Text(text) => self.emit(text, whole, around),
            Found::Captured(data) => self.report_captured(data, around),
        }
    }

    /// Tell control of a text that stood between tokens.
    pub fn report_captured(&self, data: Vec<u8>, around: &mut Surroundings<'_>) {
        around.reports.send(Report::Captured { process: around.process, channel: self.order.channel, data });
        let text = format!("{} {} emitted a comm event", python::repr(around.name), self.order.channel.name());
        around.logs.log(Level::Debug, clock::wall(), &text);
    }

    fn emit(&self, data: &[u8], whole: bool, around: &mut Surroundings<'_>) {
        match self.sink {
            Some(sink) if whole => around.logs.sinks.write_output(sink, data),
            Some(sink) => around.logs.sinks.write(sink, data),
            None => {}
        }
        // What control reads itself, it tells itself.
        if whole {
            self.tell(data, self.order.config.events_enabled, around);
        }
    }

    /// All that is done with output besides its log.
    fn tell(&self, data: &[u8], events: bool, around: &mut Surroundings<'_>) {
        if self.order.config.syslog {
            around.logs.send_to_syslog(around.name, &self.order, data);
        }
        if echoes(around.logs) {
            echo(around.name, self.order.channel.name(), data, around.logs);
        }
        if events {
            let (process, channel) = (around.process, self.order.channel);
            around.reports.send(Report::Output { process, channel, data: data.to_vec() });
        }
    }

    /// What the filter makes of these bytes if nothing came before and nothing comes after: text, and what was captured.
    pub fn filter_whole(&mut self, data: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let Some(mut filter) = self.filter.take() else { return (data.to_vec(), Vec::new()) };
        let (mut text, mut captured) = (Vec::new(), Vec::new());
        let mut keep = |found: Found<'_>| match found {
            Found::Text(piece) => text.extend_from_slice(piece),
            Found::Captured(data) => captured.push(data),
        };
        filter.feed(data, &mut keep);
        filter.finish(&mut keep);
        (text, captured)
    }

    /// Output of which another daemon has logged all but the rest; nobody knows what else it has done with it.
    pub fn emit_recovered(&self, rest: &[u8], text: &[u8], adopted: bool, around: &mut Surroundings<'_>) {
        if let Some(sink) = self.sink {
            around.logs.sinks.write_output(sink, rest);
        }
        self.tell(text, adopted && self.order.config.events_enabled, around);
    }
}

/// At level debug all output of programs is in the daemon's log too.
fn echoes(logs: &Logs) -> bool {
    logs.logs(Level::Debug)
}

fn echo(name: &str, channel: &str, data: &[u8], logs: &mut Logs) {
    let name = python::repr(name);
    let text = match std::str::from_utf8(data) {
        Ok(text) => format!("{name} {channel} output:\n{text}"),
        Err(_) => format!("{name} {channel} output:\nUndecodable: {}", python::bytes_repr(data)),
    };
    logs.log(Level::Debug, clock::wall(), &text);
}
