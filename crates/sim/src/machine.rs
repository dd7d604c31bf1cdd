//! The kernel and the daemon's shell: children that live and die, answers that take their time, and all that the engine is
//! told. Everything that will happen stands in one queue, ordered by time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use config::Config;
use engine::{
    Action, Answer, CallId, CommandError, Engine, Input, Local, LocalTime, ProcessId, SpawnError, SpawnOrder,
};
use model::{ExitStatus, Moment, Signal, WallTime};

use crate::actors::{Child, Temper};
use crate::rng::Rng;
use crate::run::Report;

/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;

/// Lines of a trace that are kept: the last ones say what went wrong.
const TRACE: usize = 2000;

const LOCAL: Local = Local { pid: 1, time: |_| LocalTime { month: 1, day: 1, hour: 0, minute: 0 } };

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The engine is told.
    Tell(Input),
    /// A child that was ordered comes to be, or not.
    Spawned(Box<SpawnOrder>),
    /// A child ends by itself or by a signal.
    Dies(u32, ExitStatus),
    /// A child does what is in its nature.
    Acts(u32),
    /// A listener says this.
    Says(u32, Vec<u8>),
    /// Some client does something.
    Client,
    /// Something befalls the machine or the daemon.
    Weather,
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
    queue: BTreeMap<(u64, u64), Happening>,
    next: u64,
    pub(crate) children: BTreeMap<u32, Child>,
    /// Whose those were that are no more.
    dead: BTreeMap<u32, ProcessId>,
    next_pid: u32,
    /// Ends of children that the engine has not been told yet.
    pub(crate) untold: BTreeSet<u32>,
    /// Children of processes that are being spawned.
    pub(crate) spawning: BTreeSet<ProcessId>,
    /// Processes that could not be signalled: nobody answers for them.
    pub(crate) lost: BTreeSet<ProcessId>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// The configuration as it is on the disk.
    pub(crate) config: Arc<Config>,
    pub(crate) finished: bool,
    /// Nothing bad happens any more.
    pub(crate) calm: bool,
    pub(crate) trace: VecDeque<String>,
    traced: bool,
    pub(crate) report: Report,
    /// The first thing that should not be.
    pub(crate) failure: Option<String>,
}

impl Machine {
    /// A machine before the start; one that is traced is a good deal slower.
    pub(crate) fn new(mut rng: Rng, traced: bool) -> Self {
        let config = crate::scene::config(&mut rng, None);
        Self {
            engine: Engine::new(Arc::clone(&config), LOCAL),
            rng,
            now: 1_000_000 * MS,
            wall: 1_800_000_000_000_000_000,
            queue: BTreeMap::new(),
            next: 0,
            children: BTreeMap::new(),
            dead: BTreeMap::new(),
            next_pid: 2,
            untold: BTreeSet::new(),
            spawning: BTreeSet::new(),
            lost: BTreeSet::new(),
            calls: BTreeMap::new(),
            config,
            finished: false,
            calm: false,
            trace: VecDeque::new(),
            traced,
            report: Report::default(),
            failure: None,
        }
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
        let deadline = self.engine.due().map(|due| due.0);
        let first = self.queue.first_key_value().map(|((time, _), _)| *time);
        match (deadline, first) {
            (Some(deadline), Some(first)) => Some(deadline.min(first)),
            (one, other) => one.or(other),
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
            Happening::Acts(pid) => self.child_acts(pid),
            Happening::Says(pid, data) => {
                if let Some(child) = self.children.get(&pid) {
                    let process = child.process;
                    self.tell(Input::ListenerSaid { process, data });
                }
            }
            Happening::Client => self.client_acts(),
            Happening::Weather => self.weather(),
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
        let wall = WallTime(self.wall.saturating_add(i64::try_from(self.now).unwrap_or(0)));
        self.engine.handle(Moment(self.now), wall, input, &mut actions);
        self.report.steps += 1;
        for action in actions {
            self.act(action);
        }
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
            Action::PrepareGroup { ticket, .. } => {
                self.later(5, Happening::Tell(Input::GroupPrepared { ticket, logs: Vec::new() }));
            }
            Action::CheckCommand { ticket, config } => {
                let missing = !self.calm && self.rng.one_in(20);
                let error = CommandError::NotFound(format!("can't find command '{}'", config.command));
                let result = if missing { Err(error) } else { Ok(()) };
                self.later(2, Happening::Tell(Input::CommandChecked { ticket, result }));
            }
            Action::Spawn(order) => self.order(order),
            Action::Signal { process, pid, signal, .. } => self.signalled(process, pid, signal),
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
                self.later(5, Happening::Tell(Input::LogsCleared { ticket, result: Ok(()) }));
            }
            Action::Finish { .. } => self.finished = true,
            Action::ForgetGroup { .. } | Action::Print { .. } | Action::ReopenLogs | Action::Log { .. } => {}
        }
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
            let why = if self.rng.one_in(2) {
                format!("too many open files to spawn '{name}'")
            } else {
                format!("Too many processes in process table to spawn '{name}'")
            };
            return self.tell(Input::SpawnFailed { process, error: SpawnError::Other(why) });
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let temper = if self.calm { Temper::Steady } else { Temper::any(&mut self.rng) };
        self.children.insert(pid, Child { process, listener: order.listener, temper });
        self.tell(Input::Spawned { process, pid });
        self.later(300, Happening::Acts(pid));
    }

    /// A child is no more. The engine hears of it a little later.
    pub(crate) fn dies(&mut self, pid: u32, status: ExitStatus) {
        let Some(child) = self.children.remove(&pid) else { return };
        self.note(|| format!("  pid {pid} ends: {}", status.describe()));
        self.untold.insert(pid);
        self.dead.insert(pid, child.process);
        self.later(3, Happening::Tell(Input::Reaped { process: child.process, status }));
    }

    fn signalled(&mut self, process: ProcessId, pid: u32, signal: Signal) {
        let Some(child) = self.children.get(&pid) else { return };
        if child.process != process {
            return self.fail(format!("pid {pid} is not of process {}", process.0));
        }
        if !self.calm && self.rng.one_in(200) {
            self.lost.insert(process);
            return self.at(self.now, Happening::Tell(Input::SignalFailed { process, error: "EPERM".into() }));
        }
        let temper = child.temper;
        let status = ExitStatus::Signaled { signal, core: false };
        match (signal, temper) {
            (Signal::KILL, _) => self.later(10, Happening::Dies(pid, status)),
            (Signal::TERM | Signal::INT, Temper::Stubborn) => {}
            (Signal::TERM | Signal::INT, Temper::Slow) => self.later(5000, Happening::Dies(pid, status)),
            (Signal::TERM | Signal::INT, _) => self.later(50, Happening::Dies(pid, status)),
            _ => {}
        }
    }

    fn replied(&mut self, call: CallId, answer: &Answer) {
        self.report.replies += 1;
        match self.calls.insert(call, Call::Answered) {
            Some(Call::Waits) => {}
            other => self.fail(format!("a reply to {call:?}, which is {other:?}: {answer:?}")),
        }
        self.report.faults += u64::from(matches!(answer, Answer::Fault(_)));
    }

    /// Whose child this is or was.
    pub(crate) fn owner(&self, pid: u32) -> Option<ProcessId> {
        self.children.get(&pid).map(|child| child.process).or_else(|| self.dead.get(&pid).copied())
    }

    /// The daemon crashes, and another takes over from what was kept.
    pub(crate) fn crash(&mut self) {
        self.report.crashes += 1;
        self.note(|| "the daemon crashes".into());
        let kept = self.engine.save().without_calls();
        for call in self.calls.values_mut().filter(|call| **call == Call::Waits) {
            *call = Call::Gone;
        }
        // What was on its way to the old daemon is lost with it.
        let lost = |happening: &Happening| matches!(happening, Happening::Tell(_) | Happening::Spawned(_));
        self.queue.retain(|_, happening| !lost(happening));
        self.spawning.clear();
        self.untold.clear();
        let down = self.rng.below(3000 * MS);
        self.pass_without_a_daemon(self.now + down);
        match Engine::restore(kept, Arc::clone(&self.config), LOCAL) {
            Ok(engine) => self.engine = engine,
            Err(error) => return self.fail(error.to_string()),
        }
        self.adopt();
        self.tell(Input::Started);
    }

    fn pass_without_a_daemon(&mut self, end: u64) {
        while let Some(key) = self.queue.first_key_value().map(|(key, _)| *key).filter(|(time, _)| *time <= end) {
            match self.queue.remove(&key) {
                Some(Happening::Dies(pid, _)) => {
                    self.children.remove(&pid);
                }
                // Clients, listeners and the weather find nobody.
                Some(other @ (Happening::Client | Happening::Weather)) => self.at(end + MS, other),
                _ => {}
            }
        }
        self.now = end;
    }

    /// Tell the successor who has died meanwhile; listeners are ended, they start anew.
    fn adopt(&mut self) {
        let kept = self.engine.save();
        for process in kept.groups.iter().flat_map(|group| &group.processes) {
            let Some(child) = process.state.child().filter(|child| child.gone.is_none()) else { continue };
            let (id, pid) = (process.id, child.pid);
            match self.children.get(&pid).map(|child| child.listener) {
                None => {
                    self.untold.insert(pid);
                    self.dead.insert(pid, id);
                    self.later(3, Happening::Tell(Input::Reaped { process: id, status: ExitStatus::Unknown }));
                }
                Some(true) => self.dies(pid, ExitStatus::Signaled { signal: Signal::KILL, core: false }),
                Some(false) => {}
            }
        }
    }

    /// The daemon hands its state over in place: nothing is lost, no client notices.
    pub(crate) fn upgrade(&mut self) {
        // Calls behind a question to the world would be lost, so the upgrade waits.
        if self.engine.open_questions() > 0 || !self.spawning.is_empty() {
            return;
        }
        self.report.upgrades += 1;
        self.note(|| "the daemon is upgraded".into());
        match Engine::restore(self.engine.save(), Arc::clone(&self.config), LOCAL) {
            Ok(engine) => self.engine = engine,
            Err(error) => self.fail(error.to_string()),
        }
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
