//! What control has the plane do: open and close the logs of programs, take their pipes, drain them, clear them.
//!
//! Deliberately absent: reading while a program runs (that is `run`), and the hand-over (that is `handing`).

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use config::{LogTarget, OutputConfig};
use engine::input::ClearError;
use engine::{ProcessId, Ticket};
use model::{Channel as Which, limits};
use sys::errno;

use super::channel::{Channel, Surroundings};
use super::leftover::Means;
use super::messages::{ChannelOrder, Order, Report};
use super::run::{Plane, Process, token_of};
use super::sink::SinkId;

impl Plane {
    pub(super) fn take_orders(&mut self) {
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
            Order::Recover(recovery) => self.recover(*recovery),
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

    pub(super) fn open_sink(&mut self, order: &ChannelOrder) -> io::Result<Option<SinkId>> {
        let OutputConfig { maxbytes, backups, ref logfile, .. } = order.config;
        let Some(path) = &order.path else { return Ok(None) };
        let sinks = &mut self.logs.sinks;
        if *logfile == LogTarget::Auto {
            return sinks.open_auto(path, maxbytes, backups).map(Some);
        }
        sinks.open(path, maxbytes, backups).map(Some)
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
}
