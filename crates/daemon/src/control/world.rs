//! The world around the engine: what its actions do, and how what happens becomes its inputs.
//!
//! Deliberately absent: decisions, and anything that waits. Answers of other threads come by mailbox.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use config::{Config, GroupConfig};
use engine::{Action, CallId, DaemonSignal, Engine, Input, LocalTime, ProcessId, SpawnOrder, Ticket};
use model::{Level, Signal, SupervisorState, WallTime};
use rustix::io::Errno;
use sys::clock;
use sys::poll::{Event, Interest, Poll};
use sys::signals;

use super::autolog::{self, AutoLogPlace};
use super::children::{self, Children, Watched};
use super::errands::Errands;
use super::launching::Launching;
use super::office::{Errand, Office, Outcome, Reader};
use super::replies::Replies;
use super::sockets::Sockets;
use super::tree::Trees;
use super::upgrading::Upgrading;
use crate::front::{ClientEvent, FrontHandle, Handed};
use crate::mailbox::Receiver;
use crate::plane::{Order, PlaneHandle, Report};
use crate::survive::Keeper;
use crate::upgrade::About;

const SIGNALS: u64 = 0;
const CLIENTS: u64 = 1;
const PLANE: u64 = 2;
const ERRANDS: u64 = 3;

/// Bytes of a listener's stdout that are read at once.
const READ: usize = 64 * 1024;

/// What the world is made of.
pub struct Setup {
    /// The signals of the daemon, blocked and received.
    pub signals: signals::Receiver,
    /// Calls of clients.
    pub clients: Receiver<ClientEvent>,
    /// The running plane.
    pub plane: PlaneHandle,
    /// Reads the configuration anew.
    pub reader: Reader,
    /// What the daemon runs with.
    pub config: Arc<Config>,
    /// Limits for children.
    pub limits: Vec<sys::limits::Limit>,
    /// Notes what a successor must know.
    pub keeper: Option<Keeper>,
    /// For a successor.
    pub about: About,
    /// The running front.
    pub front: FrontHandle,
    /// Starts it again.
    pub revive: Revive,
}

/// Starts a front that has been handed over again, in this daemon.
pub type Revive = Box<dyn Fn(Handed) -> io::Result<FrontHandle>>;

/// Everything that control holds besides the engine.
pub struct World {
    pub(super) poll: Poll,
    pub(super) inputs: VecDeque<Input>,
    pub(super) finished: Option<SupervisorState>,
    /// The groups of the start are active.
    pub(super) started: bool,
    signals: signals::Receiver,
    pub(super) clients: Receiver<ClientEvent>,
    pub(super) plane: PlaneHandle,
    place: AutoLogPlace,
    pub(super) errands: Errands,
    /// Drains that have not been reported.
    pub(super) draining: usize,
    pub(super) upgrade: Option<Upgrading>,
    /// The last order to pause.
    pub(super) pauses: u64,
    pub(super) about: About,
    pub(super) front: Option<FrontHandle>,
    pub(super) revive: Revive,
    loglevel: Level,
    pub(super) children: Children,
    /// Those with `killmode=tree` or `cgroup`.
    pub(super) trees: Trees,
    pub(super) launching: Launching,
    /// Adopted programs whose sinks are not open yet.
    pub(super) adopted: HashMap<ProcessId, SpawnOrder>,
    pub(super) keeper: Option<Keeper>,
    pub(super) replies: Replies,
    pub(super) sockets: Sockets,
    pub(super) buffer: Vec<u8>,
    /// Bytes that listeners said and that their logs did not get.
    pub(super) uncopied: usize,
}

impl World {
    /// Puts it together.
    ///
    /// # Errors
    /// No descriptor or thread is left.
    pub fn new(setup: Setup) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(&setup.signals, SIGNALS, Interest::Read)?;
        poll.add(&setup.clients, CLIENTS, Interest::Read)?;
        poll.add(&setup.plane.reports, PLANE, Interest::Read)?;
        let place = AutoLogPlace::of(&setup.config.daemon);
        let office = Office::new(setup.reader, place.clone(), setup.config.daemon.serverurl.clone(), setup.limits);
        let errands = Errands::new(office)?;
        poll.add(&errands.outcomes, ERRANDS, Interest::Read)?;
        Ok(Self {
            poll,
            inputs: VecDeque::new(),
            finished: None,
            started: false,
            signals: setup.signals,
            clients: setup.clients,
            plane: setup.plane,
            errands,
            draining: 0,
            upgrade: None,
            pauses: 0,
            about: setup.about,
            front: Some(setup.front),
            revive: setup.revive,
            place,
            loglevel: setup.config.daemon.loglevel,
            children: Children::default(),
            trees: Trees::of_daemon(setup.config.daemon.serverurl.clone()),
            launching: Launching::default(),
            adopted: HashMap::new(),
            keeper: setup.keeper,
            replies: Replies::default(),
            sockets: Sockets::default(),
            buffer: vec![0; READ],
            uncopied: 0,
        })
    }

    /// Takes it down: answers go out, the last lines are written. Signals stay blocked, and wait for the next world.
    pub fn finish(mut self) {
        if let Some(front) = self.front.take() {
            front.stop();
        }
        for line in self.sockets.close(|_| true) {
            self.log(Level::Info, line);
        }
        if let Some(keeper) = self.keeper.take() {
            keeper.finish();
        }
        self.plane.orders.send(Order::Finish);
        self.plane.join();
    }

    /// Clients that were handed over wait for these calls, which the engine knows. To be told before the engine goes on.
    pub fn promise(&mut self, calls: impl IntoIterator<Item = CallId>) {
        self.replies.promise(calls);
    }

    /// A line of the daemon's log.
    pub fn log(&mut self, level: Level, text: String) {
        if level >= self.loglevel {
            self.replies.logged();
            self.plane.orders.send(Order::Log { level, at: clock::wall(), text });
        }
    }

    /// Something that epoll has told.
    pub(super) fn happened(&mut self, event: Event) {
        match event.token {
            SIGNALS => self.signalled(),
            CLIENTS => self.clients_asked(),
            PLANE => self.plane_reported(),
            ERRANDS => self.errands_done(),
            token => match children::watched(token) {
                Some((process, Watched::Stdin)) => self.flush_stdin(process),
                Some((process, Watched::Listener)) => drop(self.listen(process)),
                Some((process, Watched::End)) => self.ended(process),
                Some((process, Watched::Descendant)) => self.descendant_ended(process),
                None => {}
            },
        }
    }

    fn signalled(&mut self) {
        for signal in self.signals.take().unwrap_or_default() {
            match signal {
                Signal::CHLD => {
                    self.reap();
                    self.inputs.push_back(Input::Signalled(DaemonSignal::Child));
                }
                Signal::HUP => self.inputs.push_back(Input::Signalled(DaemonSignal::Restart)),
                Signal::USR1 => self.inputs.push_back(Input::Signalled(DaemonSignal::Upgrade)),
                Signal::USR2 => self.inputs.push_back(Input::Signalled(DaemonSignal::ReopenLogs)),
                other => self.inputs.push_back(Input::Signalled(DaemonSignal::Exit(other))),
            }
        }
    }

    /// The one place where children, and orphans that became ours, are waited for.
    pub(super) fn reap(&mut self) {
        while let Ok(Some(ended)) = sys::wait::reap() {
            let (pid, status) = (ended.pid, ended.status);
            match self.children.reaped(pid) {
                Some(process) if self.outlived(process, status) => {}
                Some(process) => self.inputs.push_back(Input::Reaped { process, status }),
                None if sys::helper::was_asked(pid) => {}
                None => self.inputs.push_back(Input::StrangerReaped { pid, status }),
            }
        }
    }

    fn clients_asked(&mut self) {
        for event in self.clients.take() {
            match event {
                ClientEvent::Called { call, request, reply } => {
                    self.replies.expect(call, reply);
                    self.inputs.push_back(Input::Called { call, request });
                }
                ClientEvent::Waits { call, reply } => self.replies.expect_again(call, reply),
                ClientEvent::Paused => self.front_paused(),
                ClientEvent::HungUp { call } => {
                    self.replies.forget(call);
                    self.inputs.push_back(Input::HungUp { call });
                }
            }
        }
    }

    fn plane_reported(&mut self) {
        for report in self.plane.reports.take() {
            let input = match report {
                Report::Opened { process, result } => {
                    if !self.adopted_opened(process, result.clone()) {
                        self.launching.opened(process, result);
                    }
                    continue;
                }
                Report::Drained { process } => {
                    self.draining = self.draining.saturating_sub(1);
                    Input::Drained { process }
                }
                Report::Paused { number } => {
                    self.paused(number);
                    continue;
                }
                Report::Output { process, channel, data } => Input::Output { process, channel, data },
                Report::Captured { process, channel, data } => Input::Captured { process, channel, data },
                Report::Marked { number } => {
                    self.replies.marked(number);
                    continue;
                }
                Report::Cleared { ticket, result } => Input::LogsCleared { ticket, result },
            };
            self.inputs.push_back(input);
        }
    }

    /// Does what the engine has decided.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::PrepareGroup { ticket, group } => self.prepare_group(ticket, group),
            Action::ForgetGroup { group, processes } => {
                for line in self.sockets.close(|name| name == group) {
                    self.log(Level::Info, line);
                }
                self.plane.orders.send(Order::Forget { processes });
            }
            Action::CheckCommand { ticket, config } => self.errands.run(Errand::Check(ticket, config)),
            Action::Spawn(order) => self.order_child(order),
            Action::Upgrade { call } => self.asked_to_upgrade(call),
            Action::Signal { process, pid, signal, to_group } => self.signal(process, pid, signal, to_group),
            Action::Drain { process } => self.drain(process),
            Action::WriteStdin { process, data, call } => self.write_stdin(process, &data, call),
            Action::Reply { call, answer } => self.replies.give(call, answer, clock::now(), &self.plane.orders),
            Action::Log { level, text } => self.log(level, text),
            Action::Print { data } => {
                self.plane.orders.send(Order::Print { data });
            }
            Action::ReadConfig { ticket } => self.errands.run(Errand::ReadConfig(ticket)),
            Action::ClearLogs { ticket, process } => {
                self.plane.orders.send(Order::Clear { ticket, process });
            }
            Action::ClearMainLog { ticket } => {
                self.plane.orders.send(Order::ClearMainLog { ticket });
            }
            Action::ReopenLogs => {
                self.plane.orders.send(Order::Reopen);
            }
            Action::Finish { mood } => self.finished = Some(mood),
        }
    }

    /// At the start nothing runs that could be delayed, and no client may find a group missing: its files are made here, or
    /// with the start of their program.
    fn prepare_group(&mut self, ticket: Ticket, group: Arc<GroupConfig>) {
        if self.started && autolog::wanted(&group) {
            self.errands.run(Errand::MakeLogs(ticket, group));
        } else {
            let logs = autolog::make_for_start(&self.place, &group);
            self.inputs.push_back(Input::GroupPrepared { ticket, logs });
        }
    }

    fn signal(&mut self, process: ProcessId, pid: u32, signal: Signal, to_group: bool) {
        if !self.signal_tree(process, signal, to_group) {
            self.send_signal(process, pid, signal, to_group);
        }
    }

    pub(super) fn send_signal(&mut self, process: ProcessId, pid: u32, signal: Signal, to_group: bool) {
        let by_pidfd = if to_group { None } else { self.signal_adopted(process, signal) };
        match by_pidfd.unwrap_or_else(|| signals::send(pid, signal, to_group)) {
            Ok(()) => {}
            // It has just ended by itself; its end is on the way.
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
            Err(error) => {
                self.inputs.push_back(Input::SignalFailed { process, error: sys::errno::of(&error) });
            }
        }
    }

    fn errands_done(&mut self) {
        for outcome in self.errands.take() {
            match outcome {
                Outcome::Fact(input) => self.inputs.push_back(input),
                Outcome::Walked(walked) => self.walked(*walked),
                Outcome::Proved(result) => self.proved(result),
                Outcome::Planned(order, result) => self.planned(order, result),
            }
        }
        self.go_on_launching();
    }

    /// A group's socket is let go once the group has come to rest.
    pub(super) fn close_idle_sockets(&mut self, engine: &Engine) {
        if !self.sockets.is_empty() {
            for line in self.sockets.close(|group| engine.is_at_rest(group)) {
                self.log(Level::Info, line);
            }
        }
    }
}

/// The local time of a moment, for the engine.
pub fn local_time(wall: WallTime) -> LocalTime {
    let zoned = jiff::Timestamp::from_second(wall.seconds()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    LocalTime {
        month: small(zoned.month()),
        day: small(zoned.day()),
        hour: small(zoned.hour()),
        minute: small(zoned.minute()),
    }
}
