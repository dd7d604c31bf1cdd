//! The plane's loop: orders, pipes and sinks that are ready, deadlines.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use engine::ProcessId;
use model::{Level, Moment, limits};
use sys::poll::{Event, Interest, Poll};
use sys::{clock, errno};

use super::busy::Busy;
use super::channel::{Channel, Got, Surroundings};
use super::handing::Held;
use super::in_flight::Buffer;
use super::leftover::{LEFTOVER, Leftovers, Means};
use super::mainlog::Logs;
use super::messages::{Order, Report};
use super::sink::{SMALL_READ, SinkId};
use crate::mailbox::{Receiver, Sender};

/// Tokens of the poll: the kind in the highest bits, its number in the rest.
const ORDERS: u64 = 0;
const SYSLOG: u64 = 1;
const CHANNEL: u64 = 1 << 60;
const SINK: u64 = 2 << 60;
const KIND: u64 = 3 << 60;

/// After so many bytes of pipes the orders are looked at again: control waits for a `Drained`.
const BYTES_BEFORE_ORDERS: usize = 1024 * 1024;
/// Whoever has filled so much of a pipe floods it. A block that is a little smaller than the pipe leaves no room for the next.
const FLOOD: usize = SMALL_READ / 4 * 3;
/// So many programs that flood get larger pipes: those of more would not fit the processor's cache.
const FLOODS: usize = 4;
/// While control has too much waiting, it is looked at so often.
const REPORTS_PAUSE: Duration = Duration::from_millis(10);
/// The pause after a defect.
const AFTER_DEFECT: Duration = Duration::from_millis(100);
/// At the end, what waits is written for so long.
const FINISH: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Process {
    pub(super) name: Arc<str>,
    pub(super) channels: [Option<Channel>; 2],
}

/// The plane.
#[derive(Debug)]
pub struct Plane {
    pub(super) poll: Poll,
    pub(super) logs: Logs,
    /// Each by itself: a table keeps up to twice the room of what is in it.
    pub(super) processes: HashMap<ProcessId, Box<Process>>,
    pub(super) leftovers: Leftovers,
    pub(super) orders: Receiver<Order>,
    /// Orders that were taken and are not done: some stay only if a defect came between.
    pub(super) pending: VecDeque<Order>,
    pub(super) reports: Sender<Report>,
    /// One for all pipes.
    pub(super) buffer: Buffer,
    /// Channels that are read in rounds.
    busy: Busy,
    /// How many channels have flooded their pipe, in this turn and the one before.
    floods: [usize; 2],
    /// Channels that are not read until control has caught up.
    unheard: BTreeSet<u64>,
    /// No pipe is read: the daemon is about to hand over.
    pub(super) paused: bool,
    pub(super) handing: bool,
    pub(super) finishing: bool,
}

impl Plane {
    /// Ready to run.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new(mut logs: Logs, buffer: Buffer, orders: Receiver<Order>, reports: Sender<Report>) -> io::Result<Self> {
        logs.sinks.notes = Some(buffer.notes());
        let poll = Poll::new()?;
        poll.add(&orders, ORDERS, Interest::Read)?;
        Ok(Self {
            poll,
            logs,
            processes: HashMap::new(),
            leftovers: Leftovers::default(),
            orders,
            pending: VecDeque::new(),
            reports,
            buffer,
            busy: Busy::default(),
            floods: [0; 2],
            unheard: BTreeSet::new(),
            paused: false,
            handing: false,
            finishing: false,
        })
    }

    /// Run until `Order::Finish` or `Order::HandOver`, which gives something back.
    pub fn run(mut self) -> Option<Held> {
        let mut events = Vec::new();
        while !self.finishing {
            // A defect costs what it was met in, not the logs of all programs. The pause bounds one that stays.
            if catch_unwind(AssertUnwindSafe(|| self.turn(&mut events))).is_err() {
                self.logs.log(Level::Critical, clock::wall(), "a defect was met in the logging of programs");
                std::thread::sleep(AFTER_DEFECT);
            }
        }
        if self.handing {
            return Some(self.hand_over());
        }
        self.finish(&mut events);
        self.buffer.remove();
        None
    }

    fn turn(&mut self, events: &mut Vec<Event>) {
        self.settle();
        let deadline = self.due();
        if let Err(error) = self.poll.wait(deadline, events) {
            let text = format!("can't wait for output: {}", errno::of(&error));
            self.logs.log(Level::Critical, clock::wall(), &text);
            std::thread::sleep(REPORTS_PAUSE);
        }
        self.floods = [self.floods[1], 0];
        let now = clock::now();
        let mut bytes = 0;
        for event in events.iter() {
            bytes += self.ready(event.token, now);
            self.take_orders_after(&mut bytes);
        }
        if self.busy.due().is_some_and(|due| due <= now) {
            self.round(now);
        }
        self.take_orders();
        self.hear_again();
        if self.logs.sinks.due().is_some() {
            self.logs.sinks.retry(Some(clock::now()));
        }
    }

    /// Control waits for what it has ordered, however much comes from pipes.
    fn take_orders_after(&mut self, bytes: &mut usize) {
        if *bytes >= BYTES_BEFORE_ORDERS {
            *bytes = 0;
            self.take_orders();
        }
    }

    /// Read once each channel that is read in rounds.
    fn round(&mut self, now: Moment) {
        let mut bytes = 0;
        for token in self.busy.round(now) {
            // An order may have come between that ends its rounds.
            if !self.busy.has(token) {
                continue;
            }
            let (count, capacity) = self.read(token);
            self.busy.brought(token, count, capacity);
            bytes += count;
            self.take_orders_after(&mut bytes);
        }
        for token in self.busy.ended() {
            self.watch(token);
        }
    }

    /// Say what is to be said, and watch what has to be watched.
    fn settle(&mut self) {
        self.logs.tell();
        let watched = self
            .logs
            .sinks
            .watch(&self.poll, |id| SINK | id.token())
            .and_then(|()| self.logs.syslog.watch(&self.poll, SYSLOG));
        if let Err(error) = watched {
            let text = format!("can't wait for a log to take output: {}", errno::of(&error));
            self.logs.log(Level::Error, clock::wall(), &text);
        }
    }

    fn due(&self) -> Option<Moment> {
        let unheard = (!self.unheard.is_empty()).then(|| clock::now().after(REPORTS_PAUSE));
        let pending = (!self.pending.is_empty()).then_some(Moment(0));
        [unheard, pending, self.logs.sinks.due(), self.busy.due()].into_iter().flatten().min()
    }

    /// Something is ready; how many bytes of a pipe were handled.
    fn ready(&mut self, token: u64, now: Moment) -> usize {
        match token & KIND {
            // An order to pause may come amid events.
            CHANNEL | LEFTOVER if self.paused => {}
            CHANNEL => {
                let (count, capacity) = self.read(token);
                if let Some(channel) = self.channel(token)
                    && channel.pace.read(now, count, capacity)
                {
                    channel.measure();
                    self.unwatch(token);
                    self.busy.enter(token, count, capacity, now);
                }
                return count;
            }
            LEFTOVER => {
                let mut means = Means { poll: &self.poll, logs: &mut self.logs, reports: &self.reports };
                return self.leftovers.read(token, &mut self.buffer, &mut means);
            }
            SINK => {
                for held in self.logs.sinks.flush(SinkId::of_token(token & !KIND)) {
                    self.watch(held);
                }
            }
            _ if token == SYSLOG => self.logs.syslog.flush(&mut self.logs.sinks.notices),
            // The orders: they are taken after each turn anyway.
            _ => {}
        }
        0
    }

    pub(super) fn channel(&mut self, token: u64) -> Option<&mut Channel> {
        let (process, which) = whose(token);
        self.processes.get_mut(&process)?.channels.get_mut(which)?.as_mut()
    }

    /// A pipe may have something: read it once, unless what is behind it is full. How many bytes came, of how many that it holds.
    fn read(&mut self, token: u64) -> (usize, usize) {
        const NOTHING: (usize, usize) = (0, SMALL_READ);
        let (process, which) = whose(token);
        let Some(found) = self.processes.get_mut(&process) else { return NOTHING };
        let Some(channel) = found.channels.get_mut(which).and_then(Option::as_mut) else { return NOTHING };
        if let Some(sink) = channel.sink.filter(|&sink| self.logs.sinks.is_full(sink)) {
            self.logs.sinks.hold(sink, token);
            self.unwatch(token);
            return NOTHING;
        }
        if channel.reports() && self.reports.waiting() >= limits::REPORTS_WAITING {
            self.unheard.insert(token);
            self.unwatch(token);
            return NOTHING;
        }
        let capacity = channel.capacity(&self.logs);
        let mut around = Surroundings { process, name: &found.name, logs: &mut self.logs, reports: &self.reports };
        match channel.read(&mut self.buffer, &mut around) {
            Got::Bytes(count) => {
                if count >= FLOOD {
                    self.floods[1] += 1;
                    if self.floods.into_iter().all(|floods| floods <= FLOODS) {
                        channel.grow();
                    }
                }
                (count, capacity)
            }
            Got::Nothing => NOTHING,
            Got::End => {
                let text = format!("stopped monitoring {} {}: it was closed", found.name, channel.order.channel.name());
                self.logs.log(Level::Debug, clock::wall(), &text);
                self.unwatch(token);
                if let Some(channel) = self.channel(token) {
                    channel.pipe = None;
                }
                NOTHING
            }
        }
    }

    pub(super) fn unwatch(&mut self, token: u64) {
        self.busy.leave(token);
        let (process, which) = whose(token);
        let Some(found) = self.processes.get_mut(&process) else { return };
        let Some(channel) = found.channels.get_mut(which).and_then(Option::as_mut) else { return };
        if let (Some(pipe), true) = (&channel.pipe, channel.watched) {
            let _ = self.poll.remove(pipe);
        }
        channel.watched = false;
    }

    /// Closing a pipe takes it out of the poll only once no child that is just being started has a copy of it.
    pub(super) fn unwatch_all(&mut self, process: ProcessId) {
        for which in 0..2 {
            self.unwatch(token_of(process, which));
        }
    }

    pub(super) fn watch(&mut self, token: u64) {
        if self.paused {
            return;
        }
        if token & KIND == LEFTOVER {
            let mut means = Means { poll: &self.poll, logs: &mut self.logs, reports: &self.reports };
            return self.leftovers.watch(token, &mut means);
        }
        let (process, which) = whose(token);
        let Some(found) = self.processes.get_mut(&process) else { return };
        let Some(channel) = found.channels.get_mut(which).and_then(Option::as_mut) else { return };
        let (Some(pipe), false) = (&channel.pipe, channel.watched) else { return };
        match self.poll.add(pipe, token, Interest::Read) {
            Ok(()) => channel.watched = true,
            Err(error) => {
                let text = format!("can't watch the output of {}: {}", found.name, errno::of(&error));
                self.logs.log(Level::Critical, clock::wall(), &text);
            }
        }
    }

    /// Control has caught up: read again what was not read for its sake.
    fn hear_again(&mut self) {
        if !self.unheard.is_empty() && self.reports.waiting() < limits::REPORTS_WAITING / 2 {
            for token in std::mem::take(&mut self.unheard) {
                self.watch(token);
            }
        }
    }

    /// Write what waits, as far as it goes in a bounded time.
    fn finish(&mut self, events: &mut Vec<Event>) {
        self.logs.sinks.retry(None);
        let deadline = clock::now().after(FINISH);
        while (self.logs.sinks.waiting() || self.logs.syslog.is_waiting()) && clock::now() < deadline {
            self.settle();
            if self.poll.wait(Some(deadline), events).is_err() {
                return;
            }
            for event in events.iter().filter(|event| !matches!(event.token & KIND, CHANNEL | LEFTOVER)) {
                self.ready(event.token, deadline);
            }
        }
    }
}

pub(super) fn token_of(process: ProcessId, which: usize) -> u64 {
    CHANNEL | u64::from(process.0) << 1 | which as u64
}

fn whose(token: u64) -> (ProcessId, usize) {
    let number = token & !KIND;
    (ProcessId(u32::try_from(number >> 1).unwrap_or(u32::MAX)), usize::from(number & 1 == 1))
}
