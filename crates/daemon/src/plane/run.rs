//! The plane's loop: orders, pipes and sinks that are ready, deadlines.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use engine::input::ClearError;
use engine::{ProcessId, Ticket};
use model::{Channel as Which, Level, Moment, limits};
use sys::poll::{Event, Interest, Poll};
use sys::{clock, errno};

use super::channel::{Channel, Got, Surroundings};
use super::handing::Held;
use super::leftover::{LEFTOVER, Leftovers, Means};
use super::mainlog::Logs;
use super::messages::{ChannelOrder, Order, Report};
use super::sink::{LARGE_READ, SinkId};
use crate::mailbox::{Receiver, Sender};

/// Tokens of the poll: the kind in the highest bits, its number in the rest.
const ORDERS: u64 = 0;
const SYSLOG: u64 = 1;
const CHANNEL: u64 = 1 << 60;
const SINK: u64 = 2 << 60;
const KIND: u64 = 3 << 60;

/// After so many bytes of pipes the orders are looked at again: control waits for a `Drained`.
const BYTES_BEFORE_ORDERS: usize = 1024 * 1024;
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
    orders: Receiver<Order>,
    /// Orders that were taken and are not done: some stay only if a defect came between.
    pending: VecDeque<Order>,
    pub(super) reports: Sender<Report>,
    /// One for all pipes.
    buffer: Vec<u8>,
    /// Channels that are not read until control has caught up.
    unheard: BTreeSet<u64>,
    /// No pipe is read: the daemon is about to hand over.
    pub(super) paused: bool,
    handing: bool,
    finishing: bool,
}

impl Plane {
    /// Ready to run.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new(logs: Logs, orders: Receiver<Order>, reports: Sender<Report>) -> io::Result<Self> {
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
            buffer: vec![0; LARGE_READ],
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
        let mut bytes = 0;
        for event in events.iter() {
            bytes += self.ready(event.token);
            if bytes >= BYTES_BEFORE_ORDERS {
                bytes = 0;
                self.take_orders();
            }
        }
        self.take_orders();
        self.hear_again();
        if self.logs.sinks.due().is_some() {
            self.logs.sinks.retry(Some(clock::now()));
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
        [unheard, pending, self.logs.sinks.due()].into_iter().flatten().min()
    }

    /// Something is ready; how many bytes of a pipe were handled.
    fn ready(&mut self, token: u64) -> usize {
        match token & KIND {
            // An order to pause may come amid events.
            CHANNEL | LEFTOVER if self.paused => {}
            CHANNEL => return self.read(token),
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

    fn channel(&mut self, token: u64) -> Option<&mut Channel> {
        let (process, which) = whose(token);
        self.processes.get_mut(&process)?.channels.get_mut(which)?.as_mut()
    }

    /// A pipe has something: read it once, unless what is behind it is full.
    fn read(&mut self, token: u64) -> usize {
        let (process, which) = whose(token);
        let Some(found) = self.processes.get_mut(&process) else { return 0 };
        let Some(channel) = found.channels.get_mut(which).and_then(Option::as_mut) else { return 0 };
        if let Some(sink) = channel.sink.filter(|&sink| self.logs.sinks.is_full(sink)) {
            self.logs.sinks.hold(sink, token);
            self.unwatch(token);
            return 0;
        }
        if channel.reports() && self.reports.waiting() >= limits::REPORTS_WAITING {
            self.unheard.insert(token);
            self.unwatch(token);
            return 0;
        }
        let mut around = Surroundings { process, name: &found.name, logs: &mut self.logs, reports: &self.reports };
        match channel.read(&mut self.buffer, &mut around) {
            Got::Bytes(count) => count,
            Got::Nothing => 0,
            Got::End => {
                let text = format!("stopped monitoring {} {}: it was closed", found.name, channel.order.channel.name());
                self.logs.log(Level::Debug, clock::wall(), &text);
                self.unwatch(token);
                if let Some(channel) = self.channel(token) {
                    channel.pipe = None;
                }
                0
            }
        }
    }

    pub(super) fn unwatch(&mut self, token: u64) {
        let (process, which) = whose(token);
        let Some(found) = self.processes.get_mut(&process) else { return };
        let Some(channel) = found.channels.get_mut(which).and_then(Option::as_mut) else { return };
        if let (Some(pipe), true) = (&channel.pipe, channel.watched) {
            let _ = self.poll.remove(pipe);
        }
        channel.watched = false;
    }

    /// Closing a pipe takes it out of the poll only once no child that is just being started has a copy of it.
    fn unwatch_all(&mut self, process: ProcessId) {
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

    fn take_orders(&mut self) {
        self.pending.extend(self.orders.take());
        while let Some(order) = self.pending.pop_front() {
            self.order(order);
        }
        self.pending.shrink_to(limits::ROOM_KEPT);
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Open { process, name, channels } => self.open(process, name, channels),
            Order::Attach { process, pid: _, pipes } => self.attach(process, pipes),
            Order::Drain { process } => self.drain(process),
            Order::Write { process, channel, data } => self.write(process, channel, &data),
            Order::Forget { processes } => processes.into_iter().for_each(|process| self.forget_all(process)),
            Order::Clear { ticket, process } => self.clear(ticket, process),
            Order::ClearMainLog { ticket } => {
                let result = self.logs.clear();
                self.reports.send(Report::Cleared { ticket, result });
            }
            Order::Reopen => self.logs.reopen(),
            Order::Log { level, at, text } => self.logs.log(level, at, &text),
            Order::Mark { number } => {
                self.reports.send(Report::Marked { number });
            }
            Order::Print { data } => self.logs.print(&data),
            Order::Pause { number } => self.pause(number),
            Order::GoOn => self.go_on(),
            Order::HandOver => (self.handing, self.finishing) = (true, true),
            Order::TakeUp { process, name, channels, states, leftovers } => {
                self.take_up(process, name, channels, states);
                self.take_up_leftovers(process, leftovers);
            }
            Order::Resume { sinks, syslog } => {
                sinks.into_iter().for_each(|held| self.logs.sinks.resume(held));
                self.logs.syslog.resume(syslog, &mut self.logs.sinks.notices);
            }
            Order::Finish => self.finishing = true,
        }
    }

    fn open(&mut self, process: ProcessId, name: Arc<str>, orders: [Option<ChannelOrder>; 2]) {
        let mut channels = [None, None];
        let mut result = Ok(());
        for (place, order) in channels.iter_mut().zip(orders) {
            let Some(order) = order else { continue };
            match self.open_sink(&order) {
                Ok(sink) => *place = Some(Channel::new(order, sink)),
                Err(error) => {
                    result = Err(errno::of(&error));
                    break;
                }
            }
        }
        // Only now, so that a sink that stays the same is never closed between.
        self.forget(process);
        if result.is_ok() {
            self.processes.insert(process, Box::new(Process { name, channels }));
        } else {
            self.release(channels);
        }
        self.reports.send(Report::Opened { process, result });
    }

    fn open_sink(&mut self, order: &ChannelOrder) -> io::Result<Option<SinkId>> {
        let open = |path: &std::path::PathBuf| self.logs.sinks.open(path, order.config.maxbytes, order.config.backups);
        order.path.as_ref().map(open).transpose()
    }

    fn release(&mut self, channels: [Option<Channel>; 2]) {
        for sink in channels.into_iter().flatten().filter_map(|channel| channel.sink) {
            self.logs.sinks.release(sink);
        }
    }

    fn forget(&mut self, process: ProcessId) {
        self.unwatch_all(process);
        if let Some(found) = self.processes.remove(&process) {
            self.release(found.channels);
        }
    }

    /// It is no longer supervised: what it left to others is closed too.
    fn forget_all(&mut self, process: ProcessId) {
        self.forget(process);
        let mut means = Means { poll: &self.poll, logs: &mut self.logs, reports: &self.reports };
        self.leftovers.forget(process, &mut means);
    }

    fn attach(&mut self, process: ProcessId, pipes: [Option<OwnedFd>; 2]) {
        for (which, pipe) in pipes.into_iter().enumerate() {
            let token = token_of(process, which);
            // A pipe without a channel is closed here: nobody wants what comes from it.
            let (Some(pipe), Some(channel)) = (pipe, self.channel(token)) else { continue };
            channel.pipe = Some(pipe);
            channel.watched = false;
            self.watch(token);
        }
    }

    /// Read what is left, as far as it goes, and let go of the pipes and logs; what others still hold is left over.
    fn drain(&mut self, process: ProcessId) {
        self.unwatch_all(process);
        if let Some(found) = self.processes.get_mut(&process) {
            let name = found.name.clone();
            for channel in found.channels.iter_mut().flatten() {
                let mut around = Surroundings { process, name: &name, logs: &mut self.logs, reports: &self.reports };
                if let Some(left) = channel.drain(&mut self.buffer, &mut around) {
                    let mut means = Means { poll: &self.poll, logs: &mut self.logs, reports: &self.reports };
                    self.leftovers.keep(process, &name, left, &mut means);
                } else if let Some(sink) = channel.sink.take() {
                    self.logs.sinks.release(sink);
                }
            }
        }
        self.reports.send(Report::Drained { process });
    }

    fn write(&mut self, process: ProcessId, which: Which, data: &[u8]) {
        let Some(found) = self.processes.get_mut(&process) else { return };
        let place = usize::from(which == Which::Stderr);
        let Some(channel) = found.channels.get_mut(place).and_then(Option::as_mut) else { return };
        let mut around = Surroundings { process, name: &found.name, logs: &mut self.logs, reports: &self.reports };
        channel.take(data, false, &mut around);
    }

    fn clear(&mut self, ticket: Ticket, process: ProcessId) {
        let mut result = Ok(());
        let channels = self.processes.get(&process).map_or(&[][..], |found| &found.channels[..]);
        for channel in channels.iter().flatten() {
            let cleared = match (channel.sink, &channel.order.path) {
                (Some(sink), _) => self.logs.sinks.clear(sink),
                // It does not run: its log is not open, but it is there.
                (None, Some(path)) => self.logs.sinks.clear_closed(path),
                (None, None) => Ok(()),
            };
            if cleared.is_err() {
                result = Err(ClearError::Failed);
            }
        }
        self.reports.send(Report::Cleared { ticket, result });
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
                self.ready(event.token);
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
