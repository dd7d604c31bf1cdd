//! The whole machine: one queue of all that will happen, ordered by time, and the daemon's shell, which tells the engine what
//! happened and does what it decides.
//!
//! Deliberately absent: what children do to each other and to themselves (`kernel`, `actors`), and restarts (`restart`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use config::Config;
use engine::handover::State;
use engine::input::ClearError;
use engine::{
    Action, Answer, CallId, CommandError, Engine, Input, Local, LocalTime, ProcessId, SpawnError, SpawnOrder,
};
use model::{ExitStatus, Moment, WallTime};

use crate::kernel::{Child, Kin};
use crate::restart::StateFile;
use crate::rng::Rng;
use crate::run::Report;
use crate::sabotage::Sabotage;

/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;

/// Lines of a trace that are kept: the last ones say what went wrong.
const TRACE: usize = 2000;

/// The place where the daemon runs.
pub(crate) const LOCAL: Local = Local { pid: 1, time: |_| LocalTime { month: 1, day: 1, hour: 0, minute: 0 } };

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The engine is told.
    Tell(Input),
    /// A child that was ordered comes to be, or not.
    Spawned(Box<SpawnOrder>),
    /// A child ends by itself or by a signal.
    Dies(u32, ExitStatus),
    /// A descendant of a child ends.
    KinDies(u32),
    /// A child does what is in its nature.
    Acts(u32),
    /// A listener says this.
    Says(u32, Vec<u8>),
    /// Some client does something.
    Client,
    /// Something befalls the machine or the daemon.
    Weather,
    /// The daemon hands over in place, for this call or a signal.
    Upgrade(Option<CallId>),
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Waits,
    Answered,
    /// Its client has gone.
    Gone,
}

/// The whole machine.
pub(crate) struct Machine {
    pub(crate) rng: Rng,
    pub(crate) engine: Engine,
    pub(crate) now: u64,
    /// What the wall clock shows at the beginning of time.
    pub(crate) wall: i64,
    pub(crate) queue: BTreeMap<(u64, u64), Happening>,
    next: u64,
    pub(crate) children: BTreeMap<u32, Child>,
    /// What the children forked.
    pub(crate) kin: BTreeMap<u32, Kin>,
    /// Children that are gone while descendants of theirs are waited for.
    pub(crate) outlived: BTreeMap<u32, (ProcessId, ExitStatus)>,
    /// Children that were told to stop with all that belongs to them.
    pub(crate) stopping: BTreeSet<u32>,
    /// Whose those were that are no more.
    pub(crate) dead: BTreeMap<u32, ProcessId>,
    /// Those that are RUNNING as soon as all that starts with them has been tried, although the child may have ended.
    pub(crate) quick: BTreeSet<ProcessId>,
    next_pid: u32,
    /// Ends of children that the engine has not been told yet.
    pub(crate) untold: BTreeSet<u32>,
    /// Children of processes that are being spawned.
    pub(crate) spawning: BTreeSet<ProcessId>,
    /// Children that could not be signalled: nobody answers for them.
    pub(crate) lost: BTreeSet<u32>,
    pub(crate) file: StateFile,
    /// The daemon crashes before it has done so many more actions.
    pub(crate) doom: Option<u64>,
    /// How each process was when it was looked at last.
    pub(crate) last: BTreeMap<ProcessId, State>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// The configuration as it is on the disk.
    pub(crate) config: Arc<Config>,
    pub(crate) finished: bool,
    /// Nothing bad happens any more.
    pub(crate) calm: bool,
    pub(crate) trace: VecDeque<String>,
    traced: bool,
    sabotage: Option<Sabotage>,
    pub(crate) report: Report,
    /// The first thing that should not be.
    pub(crate) failure: Option<String>,
}

impl Machine {
    /// A machine before the start; one that is traced is a good deal slower.
    pub(crate) fn new(mut rng: Rng, traced: bool, sabotage: Option<Sabotage>) -> Self {
        let config = crate::scene::config(&mut rng, None);
        Self {
            engine: Engine::new(Arc::clone(&config), LOCAL),
            rng,
            now: 1_000_000 * MS,
            wall: 1_800_000_000_000_000_000,
            queue: BTreeMap::new(),
            next: 0,
            children: BTreeMap::new(),
            kin: BTreeMap::new(),
            outlived: BTreeMap::new(),
            stopping: BTreeSet::new(),
            dead: BTreeMap::new(),
            quick: BTreeSet::new(),
            next_pid: 2,
            untold: BTreeSet::new(),
            spawning: BTreeSet::new(),
            lost: BTreeSet::new(),
            file: StateFile::default(),
            doom: None,
            last: BTreeMap::new(),
            calls: BTreeMap::new(),
            config,
            finished: false,
            calm: false,
            trace: VecDeque::new(),
            traced,
            sabotage,
            report: Report::default(),
            failure: None,
        }
    }

    /// The world is broken in this way.
    pub(crate) fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// A process id that was never used.
    pub(crate) const fn next_pid(&mut self) -> u32 {
        self.next_pid += 1;
        self.next_pid
    }

    /// What the wall clock shows.
    pub(crate) fn wall(&self) -> WallTime {
        WallTime(self.wall.saturating_add(i64::try_from(self.now).unwrap_or(0)))
    }

    /// Note what happens.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.traced {
            return;
        }
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>12.3} {}", self.now as f64 / 1e9, line()));
    }

    /// Note that something is not as it must be.
    pub(crate) fn fail(&mut self, what: String) {
        self.note(|| format!("FAILS: {what}"));
        self.failure.get_or_insert(what);
    }

    /// Have something happen in so many milliseconds, give or take.
    pub(crate) fn later(&mut self, at_most: u64, happening: Happening) {
        let delay = self.rng.below(at_most * MS + 1);
        self.at(self.now + delay, happening);
    }

    pub(crate) fn at(&mut self, time: u64, happening: Happening) {
        self.queue.insert((time, self.next), happening);
        self.next += 1;
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<u64> {
        let deadline = self.due().map(|due| due.0);
        let first = self.queue.first_key_value().map(|((time, _), _)| *time);
        match (deadline, first) {
            (Some(deadline), Some(first)) => Some(deadline.min(first)),
            (one, other) => one.or(other),
        }
    }

    /// When the engine is called at the latest.
    pub(crate) fn due(&self) -> Option<Moment> {
        let due = self.engine.due();
        match self.sabotage {
            Some(Sabotage::LateTimer) => due.map(|due| due.after_secs(10)),
            Some(Sabotage::BusyLoop) => Some(Moment(self.now)),
            _ => due,
        }
    }

    /// Let the next thing happen.
    pub(crate) fn step(&mut self) {
        let Some(time) = self.next_time() else { return };
        self.now = self.now.max(time);
        let first = self.queue.first_key_value().map(|(key, _)| *key);
        match first.filter(|(time, _)| *time <= self.now).and_then(|key| self.queue.remove(&key)) {
            Some(happening) => self.happens(happening),
            None => self.tell(Input::Due),
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Tell(input) => self.tell(input),
            Happening::Spawned(order) => self.spawned(&order),
            Happening::Dies(pid, status) => self.dies(pid, status),
            Happening::KinDies(pid) => self.kin_dies(pid),
            Happening::Acts(pid) => self.child_acts(pid),
            Happening::Says(pid, data) => {
                if let Some(child) = self.children.get(&pid) {
                    let process = child.process;
                    self.tell(Input::ListenerSaid { process, data });
                }
            }
            Happening::Client => self.client_acts(),
            Happening::Weather => self.weather(),
            Happening::Upgrade(call) => self.upgrade(call),
        }
    }

    /// Tell the engine a fact and do what it decides.
    pub(crate) fn tell(&mut self, input: Input) {
        if let Input::Reaped { process, .. } = &input {
            let told: Vec<u32> = self.untold.iter().copied().filter(|pid| self.owner(*pid) == Some(*process)).collect();
            for pid in told {
                self.untold.remove(&pid);
            }
        }
        self.note(|| shown(&input));
        let mut actions = Vec::new();
        let mut now = Moment(self.now);
        if self.is(Sabotage::WallTimer) {
            now = Moment(u64::try_from(self.wall().0).unwrap_or(0));
        }
        self.engine.handle(now, self.wall(), input, &mut actions);
        self.report.steps += 1;
        for action in actions {
            // The daemon may die between any two things that it does.
            if self.doom.take_if(|left| *left == 0).is_some() {
                return self.crash();
            }
            self.doom = self.doom.map(|left| left - 1);
            self.act(action);
        }
        self.keep();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Log { level, text } => self.note(|| format!("    log {} {text}", level.tag())),
            other => {
                self.note(|| format!("    {}", shown(&other)));
                self.do_action(other);
            }
        }
    }

    fn do_action(&mut self, action: Action) {
        match action {
            // A group whose logs cannot be made is active without them.
            Action::PrepareGroup { ticket, .. } => {
                self.later(5, Happening::Tell(Input::GroupPrepared { ticket, logs: Vec::new() }));
            }
            Action::CheckCommand { ticket, config } => {
                let missing = !self.calm && self.rng.one_in(20);
                let error = CommandError::NotFound(format!("can't find command '{}'", config.command));
                let result = if missing { Err(error) } else { Ok(()) };
                self.later(2, Happening::Tell(Input::CommandChecked { ticket, result }));
            }
            Action::Spawn(_) if self.is(Sabotage::LostOrder) => {}
            Action::Spawn(order) if self.is(Sabotage::SecondCopy) => {
                self.order(order.clone());
                self.order(order);
            }
            Action::Spawn(order) => self.order(order),
            Action::Signal { process, pid, signal, to_group } => self.signalled(process, pid, signal, to_group),
            Action::Drain { process } => {
                // Now and then a sink stalls and the answer never comes.
                if self.calm || !self.rng.one_in(20) {
                    self.later(20, Happening::Tell(Input::Drained { process }));
                }
            }
            Action::WriteStdin { process, data, call } => self.written(process, &data, call),
            Action::Reply { call, answer } => self.replied(call, &answer),
            Action::ReadConfig { ticket } => {
                let result = if self.rng.one_in(4) { Err("broken".into()) } else { Ok(Arc::clone(&self.config)) };
                self.later(5, Happening::Tell(Input::ConfigRead { ticket, result }));
            }
            Action::ClearLogs { ticket, .. } | Action::ClearMainLog { ticket } => {
                let errors = [ClearError::NoFile, ClearError::Failed];
                let error = self.rng.pick(&errors).copied().filter(|_| !self.calm && self.rng.one_in(4));
                self.later(5, Happening::Tell(Input::LogsCleared { ticket, result: error.map_or(Ok(()), Err) }));
            }
            Action::Upgrade { call } => self.later(5, Happening::Upgrade(call)),
            Action::Finish { .. } => self.finish(),
            Action::ForgetGroup { .. } | Action::Print { .. } | Action::ReopenLogs | Action::Log { .. } => {}
        }
    }

    fn finish(&mut self) {
        if self.is(Sabotage::Stray) {
            let child = self.a_stray();
            self.children.insert(1, child);
        }
        self.finished = !self.is(Sabotage::NoEnd);
    }

    fn order(&mut self, order: SpawnOrder) {
        let double = self.children.values().any(|child| child.process == order.process);
        if double || !self.spawning.insert(order.process) {
            self.fail(format!("a second child of {} is ordered", order.config.name));
        }
        self.report.spawns += 1;
        self.later(20, Happening::Spawned(Box::new(order)));
    }

    fn spawned(&mut self, order: &SpawnOrder) {
        let process = order.process;
        self.spawning.remove(&process);
        if !self.calm && self.rng.one_in(10) {
            let name = &order.config.name;
            let error = SpawnError::Other(match self.rng.below(4) {
                0 => format!("too many open files to spawn '{name}'"),
                1 => format!("Too many processes in process table to spawn '{name}'"),
                2 => format!("unknown error making dispatchers for '{name}': ENOSPC"),
                _ => format!("unknown error during fork for '{name}': EAGAIN"),
            });
            return self.tell(Input::SpawnFailed { process, error });
        }
        let pid = self.fork(order);
        if self.is(Sabotage::TwoChildren) {
            self.fork(order);
        }
        if self.is(Sabotage::HiddenChild) {
            return self.tell(Input::SpawnFailed { process, error: SpawnError::Other("it lives".into()) });
        }
        self.tell(Input::Spawned { process, pid });
    }

    fn replied(&mut self, call: CallId, answer: &Answer) {
        if self.is(Sabotage::LostReply) && self.rng.one_in(5) {
            return;
        }
        let times = if self.is(Sabotage::TwoReplies) { 2 } else { 1 };
        for _ in 0..times {
            self.report.replies += 1;
            match self.calls.insert(call, Call::Answered) {
                Some(Call::Waits) => {}
                other => self.fail(format!("a reply to {call:?}, which is {other:?}: {answer:?}")),
            }
        }
        self.report.faults += u64::from(matches!(answer, Answer::Fault(_)));
    }

    /// Whose child this is or was.
    pub(crate) fn owner(&self, pid: u32) -> Option<ProcessId> {
        self.children.get(&pid).map(|child| child.process).or_else(|| self.dead.get(&pid).copied())
    }
}

/// An input or an action in one line of bounded length.
fn shown(thing: &impl std::fmt::Debug) -> String {
    let mut text = format!("{thing:?}");
    if let Some((end, _)) = text.char_indices().nth(160) {
        text.truncate(end);
        text.push('…');
    }
    text
}
