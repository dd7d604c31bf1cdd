//! The engine's face: facts in, actions out, and the nearest deadline.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Config;
use model::{Level, Moment, SupervisorState, WallTime, limits};

use crate::action::Action;
use crate::bus::Bus;
use crate::calls::Calls;
use crate::group::Groups;
use crate::handover::Changed;
use crate::info::{self, Listing};
use crate::input::{AutoLog, DaemonSignal, Input, ProcessId};
use crate::local::Local;
use crate::process::{Process, State};
use crate::shutdown::Shutdown;
use crate::timers::{Timer, Timers};

/// All state of supervision, and the rules by which it changes.
///
/// The world calls [`Engine::handle`] with each fact as it happens and does the actions in the order given; when the
/// moment that [`Engine::due`] tells has come, it calls with [`Input::Due`]. The same inputs at the same moments give
/// the same actions. A question to the world (an action with a ticket, `Spawn`, `Drain`) is answered exactly once; an
/// answer may come in a later call only.
#[derive(Debug)]
pub struct Engine {
    pub(crate) local: Local,
    /// What the daemon runs with: a reread does not touch it.
    pub(crate) base: Arc<Config>,
    /// What was read last: where groups are added from.
    pub(crate) config: Arc<Config>,
    pub(crate) mood: SupervisorState,
    pub(crate) shutdown: Option<Shutdown>,
    /// The status to end with because of a program; 0 unless one asked for it.
    pub(crate) exit_status: u8,
    pub(crate) groups: Groups,
    pub(crate) processes: BTreeMap<ProcessId, Process>,
    pub(crate) next_process: u32,
    /// All processes in the order of listings; `None` when the groups have changed since it was made.
    pub(crate) lexical: Option<Arc<[ProcessId]>>,
    /// The groups of the start that are being prepared, with their logs as far as they are ready.
    pub(crate) starting: Vec<crate::membership::Preparing>,
    /// The AUTO logs of groups that were removed, for as long as the configuration is not read again.
    pub(crate) removed_logs: BTreeMap<String, Vec<AutoLog>>,
    /// The programs that are being started together.
    pub(crate) batch: crate::lifecycle::Batch,
    /// Facts so far that may have changed what clients are shown.
    pub(crate) facts: u64,
    pub(crate) listing: Listing,
    pub(crate) bus: Bus,
    pub(crate) last_tick: WallTime,
    pub(crate) timers: Timers,
    pub(crate) calls: Calls,
    pub(crate) now: Moment,
    pub(crate) wall: WallTime,
    /// What is not written down yet of what has changed.
    pub(crate) changes: Changed,
    out: Vec<Action>,
}

impl Engine {
    /// An engine that has not started anything: it begins with [`Input::Started`].
    #[must_use]
    pub fn new(config: Arc<Config>, local: Local) -> Self {
        Self {
            local,
            base: Arc::clone(&config),
            config,
            mood: SupervisorState::Running,
            shutdown: None,
            exit_status: 0,
            groups: Groups::default(),
            processes: BTreeMap::new(),
            next_process: 0,
            lexical: None,
            starting: Vec::new(),
            removed_logs: BTreeMap::new(),
            batch: crate::lifecycle::Batch::default(),
            facts: 0,
            listing: Listing::default(),
            bus: Bus::default(),
            last_tick: WallTime::default(),
            timers: Timers::default(),
            calls: Calls::default(),
            now: Moment::default(),
            wall: WallTime::default(),
            changes: Changed::default(),
            out: Vec::new(),
        }
    }

    /// Take a fact; what is to be done because of it is appended to `out`.
    pub fn handle(&mut self, now: Moment, wall: WallTime, input: Input, out: &mut Vec<Action>) {
        let before = (self.now, self.wall);
        // A clock that seems to run back is not followed: a deadline that has passed stays passed.
        self.now = now.max(self.now);
        self.wall = wall;
        self.notice_set_clock(before);
        while let Some(timer) = self.timers.pop(self.now) {
            self.facts += 1;
            self.deadline_passed(timer);
        }
        self.facts += u64::from(!info::asks_for_listing(&input));
        self.take(input);
        self.go_on_shutting_down();
        self.deliver_events();
        // What was decided before a panic is kept and done with what follows.
        out.append(&mut self.out);
        self.out.shrink_to(limits::ROOM_KEPT);
    }

    /// When to call with [`Input::Due`] at the latest.
    #[must_use]
    pub fn due(&self) -> Option<Moment> {
        self.timers.next()
    }

    /// The serial that the next event will have: it goes on over a restart of the daemon.
    #[must_use]
    pub const fn next_serial(&self) -> u64 {
        self.bus.next_serial
    }

    /// Go on counting events from here.
    pub const fn continue_serials(&mut self, next: u64) {
        self.bus.next_serial = next;
    }

    /// True if no process of a group lives or is about to: what it shares can be let go. An unknown group is at rest.
    #[must_use]
    pub fn is_at_rest(&self, group: &str) -> bool {
        self.groups.get(group).is_none_or(|group| {
            let members = group.members.iter().filter_map(|id| self.processes.get(id));
            members.map(|process| &process.state).all(|state| {
                state.word().is_stopped()
                    && state.child().is_none()
                    && !matches!(state, State::Exited { again: Some(_) })
            })
        })
    }

    /// The status that the daemon ends with: that of the program for whose sake it shuts down, else 0.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        self.exit_status
    }

    /// The daemon's own state.
    #[must_use]
    pub const fn mood(&self) -> SupervisorState {
        self.mood
    }

    fn deadline_passed(&mut self, timer: Timer) {
        match timer {
            Timer::Process(id) => self.process_due(id),
            Timer::StopReport(id) => self.report_stop(id),
            Timer::ShutdownReport => self.report_shutdown(),
            Timer::EarlyCalls => self.answer_early(),
            Timer::Tick => self.tick(),
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Started => self.daemon_started(),
            Input::GroupPrepared { ticket, logs } => self.group_prepared(ticket, logs),
            Input::CommandChecked { ticket, result } => self.command_checked(ticket, result),
            Input::Spawned { process, pid } => self.spawned(process, pid),
            Input::SpawnFailed { process, error } => self.spawn_failed(process, &error),
            Input::Reaped { process, status } => self.reaped(process, status),
            Input::StrangerReaped { pid, status } => {
                self.info(format!("reaped unknown pid {pid} ({})", status.describe()));
            }
            Input::Drained { process } => self.drained(process),
            Input::SignalFailed { process, error } => self.signal_failed(process, &error),
            Input::Output { process, channel, data } => self.output(process, channel, &data),
            Input::Captured { process, channel, data } => self.captured(process, channel, &data),
            Input::ListenerSaid { process, data } => self.listener_said(process, &data),
            Input::StdinTaken { call, taken } => self.stdin_taken(call, taken),
            Input::StdinClosed { process } => self.stdin_closed(process),
            Input::Called { call, request } => self.called(call, request),
            Input::HungUp { call } => self.hung_up(call),
            Input::Signalled(signal) => self.signalled(signal),
            Input::ConfigRead { ticket, result } => self.config_read(ticket, result),
            Input::LogsCleared { ticket, result } => self.logs_cleared(ticket, result),
            Input::UpgradeRefused { calls, reason } => self.upgrade_refused(calls, &reason),
            Input::Upgraded { calls, from, to } => self.upgraded(calls, &from, &to),
            // Deadlines that have passed are dealt with before any input.
            Input::Due => {}
        }
    }

    fn signalled(&mut self, signal: DaemonSignal) {
        match signal {
            DaemonSignal::Exit(signal) => {
                self.log(Level::Warn, format!("received {} indicating exit request", signal.name()));
                self.begin_shutdown(SupervisorState::Shutdown);
            }
            DaemonSignal::Restart if self.mood == SupervisorState::Shutdown => {
                self.log(Level::Warn, "ignored SIGHUP indicating restart request (shutdown in progress)".into());
            }
            DaemonSignal::Restart => {
                self.log(Level::Warn, "received SIGHUP indicating restart request".into());
                self.begin_shutdown(SupervisorState::Restarting);
            }
            DaemonSignal::ReopenLogs => {
                self.info("received SIGUSR2 indicating log reopen request".into());
                self.info("supervisord logreopen".into());
                self.act(Action::ReopenLogs);
            }
            DaemonSignal::Upgrade => self.asked_to_upgrade(),
            DaemonSignal::Child => self.debug(|| "received SIGCHLD indicating a child quit".into()),
        }
    }

    /// Have the world do something.
    pub(crate) fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    /// A line for the daemon's log.
    pub(crate) fn log(&mut self, level: Level, text: String) {
        if level >= self.base.daemon.loglevel {
            self.out.push(Action::Log { level, text });
        }
    }

    /// A line of what goes as it should.
    pub(crate) fn info(&mut self, text: String) {
        self.log(Level::Info, text);
    }

    /// A line that is made only if somebody wants it.
    pub(crate) fn debug(&mut self, text: impl FnOnce() -> String) {
        if Level::Debug >= self.base.daemon.loglevel {
            self.out.push(Action::Log { level: Level::Debug, text: text() });
        }
    }
}
