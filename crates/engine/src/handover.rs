//! All state of the engine as plain data, to be kept beside the daemon or handed to its successor, and an engine made of it.
//!
//! The form is versioned: whoever changes a type that is part of it raises [`VERSION`] and keeps reading the old form.
//! Deadlines are moments of the machine's boot clock and hold on; groups bring the configuration they were made active
//! with. Deliberately absent: the bytes, and whether a child still lives (its end is told with `Input::Reaped`).

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use config::{Config, GroupConfig, GroupKind};
use model::{ExitStatus, Moment, WallTime};
use serde::{Deserialize, Serialize};

use crate::bus::Pool;
pub use crate::bus::{Event, Queued};
use crate::calls::{Calls, Waiter};
use crate::engine::Engine;
use crate::group::Group;
use crate::input::{AutoLog, ProcessId};
pub use crate::listener::Listener;
use crate::local::Local;
use crate::membership;
use crate::process::Process;
pub use crate::process::{Child, Gone, Started, State, Then};
use crate::timers::Timer;

/// The form that is written.
pub const VERSION: u32 = 1;

/// How long after its last order a child that was ordered, and of which nothing is known, is ordered again.
const RETRY_SECS: i64 = 1;

/// The state of an engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handover {
    /// Its form.
    pub version: u32,
    next_process: u32,
    next_serial: u64,
    last_tick: WallTime,
    /// The active groups, in the order in which they became active.
    pub groups: Vec<GroupState>,
    calls: Calls,
}

/// The state of an active group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupState {
    /// As it was when it became active.
    pub config: Arc<GroupConfig>,
    /// Its processes, in the order of the configuration.
    pub processes: Vec<ProcessState>,
    /// Its events, if its processes are listeners.
    pub pool: Option<PoolState>,
}

/// The state of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessState {
    /// Its number in actions and inputs.
    pub id: ProcessId,
    /// Its log files, AUTO resolved.
    pub logs: [Option<PathBuf>; 2],
    /// Its state, with its child if it has one.
    pub state: State,
    /// When it was last started.
    pub started: Option<Started>,
    tries: i64,
    /// When its last end was dealt with.
    pub stopped: WallTime,
    exitstatus: Option<i64>,
    spawnerr: Option<String>,
    #[serde(default)]
    ended: Option<ExitStatus>,
    #[serde(default)]
    pauses: u32,
    #[serde(default)]
    revival: Option<Moment>,
    /// Its conversation, if it is an event listener.
    pub listener: Option<Listener>,
    waiters: Vec<Waiter>,
}

/// The state of a pool of listeners. Each event that it took is accepted, lost, in the queue or in a listener's hand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PoolState {
    /// Events that it has taken.
    pub next_serial: u64,
    /// Those that wait.
    pub queue: Vec<Queued>,
    /// Those that were lost because the queue was full.
    pub lost: u64,
    /// Those that a listener accepted.
    pub accepted: u64,
    burst: u64,
}

/// One thing that has changed, with all that is to be known of it: the last word about a group or process counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A group is active.
    Group {
        /// Its place in the order in which groups became active.
        place: u64,
        /// As it was when it became active.
        config: Arc<GroupConfig>,
        /// Its processes, in the order of the configuration.
        members: Vec<ProcessId>,
    },
    /// A group is no longer active.
    Removed {
        /// Its name.
        group: String,
    },
    /// A process has changed.
    Process(Box<ProcessState>),
}

/// What has changed since the world last asked.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) groups: BTreeSet<Arc<str>>,
    pub(crate) processes: BTreeSet<ProcessId>,
}

/// Why a handover is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandoverError {
    /// It has a form that is not known here.
    Version(u32),
    /// A group does not have the processes that its configuration names.
    Mismatch(String),
}

impl fmt::Display for HandoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "the state has form {version}, and only form {VERSION} is known here"),
            Self::Mismatch(group) => write!(f, "the state of group '{group}' does not fit its configuration"),
        }
    }
}

impl std::error::Error for HandoverError {}

impl GroupState {
    /// A group of which nothing is known but its configuration: what is to start by itself starts at once. Its processes
    /// are numbered from `first` on.
    #[must_use]
    pub fn fresh(config: Arc<GroupConfig>, logs: Vec<AutoLog>, first: u32) -> Self {
        let mut logs = membership::LogPaths::new(logs);
        let is_pool = matches!(config.kind, GroupKind::Listeners(_));
        let numbered = (first..).zip(&config.processes);
        let processes = numbered.map(|(number, process)| {
            let fresh =
                membership::new_process(ProcessId(number), "".into(), Arc::clone(process), logs.of(process), is_pool);
            let again = State::Exited { again: Some(Moment::default()) };
            ProcessState { state: if process.autostart { again } else { State::Stopped }, ..save_process(&fresh) }
        });
        Self { processes: processes.collect(), config, pool: None }
    }
}

impl Handover {
    /// Of these groups, without events and calls. `next_serial` is that of the next event.
    ///
    /// Calls are numbered anew by each daemon: a waiter of the old one would answer a stranger.
    #[must_use]
    pub fn of_groups(groups: Vec<GroupState>, next_serial: u64, now: WallTime) -> Self {
        let ids = groups.iter().flat_map(|group| &group.processes).map(|process| process.id.0);
        let next_process = ids.max().map_or(0, |last| last.saturating_add(1));
        let calls = Calls::default();
        Self { version: VERSION, next_process, next_serial, last_tick: now, groups, calls }.without_calls()
    }

    /// The same without the calls that wait: their clients are gone with the old daemon.
    #[must_use]
    pub fn without_calls(mut self) -> Self {
        self.calls = Calls::default();
        for process in self.groups.iter_mut().flat_map(|group| &mut group.processes) {
            process.waiters.clear();
        }
        self
    }
}

impl Engine {
    /// What has changed since this was last asked: it costs as much as has changed.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let Changed { groups, processes } = std::mem::take(&mut self.changes);
        let mut changes: Vec<Change> = groups.into_iter().map(|name| self.change_of_group(&name)).collect();
        let states = processes.into_iter().filter_map(|id| self.processes.get(&id)).map(save_process);
        changes.extend(states.map(|state| Change::Process(Box::new(state))));
        changes
    }

    fn change_of_group(&self, name: &str) -> Change {
        match self.groups.get(name).zip(self.groups.place(name)) {
            Some((group, place)) => {
                Change::Group { place, config: Arc::clone(&group.config), members: group.members.clone() }
            }
            None => Change::Removed { group: name.to_owned() },
        }
    }

    /// All state. Questions that the world has not answered ([`Engine::open_questions`]) are not part of it: who hands
    /// over while there are some loses the calls behind them.
    #[must_use]
    pub fn save(&self) -> Handover {
        let groups = self.groups.iter().map(|group| GroupState {
            config: Arc::clone(&group.config),
            processes: group.members.iter().filter_map(|id| self.processes.get(id)).map(save_process).collect(),
            pool: self.bus.pools.iter().find(|pool| pool.name == group.name).map(|pool| PoolState {
                next_serial: pool.next_serial,
                queue: pool.queue.iter().cloned().collect(),
                lost: pool.lost,
                accepted: pool.accepted,
                burst: pool.burst,
            }),
        });
        Handover {
            version: VERSION,
            next_process: self.next_process,
            next_serial: self.bus.next_serial,
            last_tick: self.last_tick,
            groups: groups.collect(),
            calls: self.calls.without_questions(),
        }
    }

    /// An engine that goes on where another left off. `config` is what it reads as its configuration; groups that are
    /// active keep theirs, and those that are not are added by `Input::Started`.
    ///
    /// # Errors
    /// The handover is of an unknown form or contradicts itself.
    pub fn restore(handover: Handover, config: Arc<Config>, local: Local) -> Result<Self, HandoverError> {
        if handover.version != VERSION {
            return Err(HandoverError::Version(handover.version));
        }
        let mut engine = Self::new(config, local);
        engine.next_process = handover.next_process;
        engine.last_tick = handover.last_tick;
        engine.calls = handover.calls;
        engine.bus.next_serial = handover.next_serial;
        for group in handover.groups {
            if group.config.processes.len() != group.processes.len() {
                return Err(HandoverError::Mismatch(group.config.name.clone()));
            }
            engine.restore_group(group);
        }
        engine.timers.set(Timer::Tick, Some(Moment::default()));
        Ok(engine)
    }

    fn restore_group(&mut self, state: GroupState) {
        let GroupState { config, processes, pool } = state;
        let name: Arc<str> = Arc::from(config.name.as_str());
        self.changes.groups.insert(Arc::clone(&name));
        let mut members = Vec::with_capacity(processes.len());
        for (config, process) in config.processes.iter().zip(processes) {
            members.push(process.id);
            self.changes.processes.insert(process.id);
            let process = restore_process(process, Arc::clone(&name), Arc::clone(config));
            let id = process.id;
            self.processes.insert(id, process);
            self.arm(id);
        }
        let group = Group::new(config, members);
        if let GroupKind::Listeners(config) = &group.config.kind {
            let mut restored = Pool::new(Arc::clone(&group.name), config.clone(), group.members.clone());
            if let Some(pool) = pool {
                restored.next_serial = pool.next_serial;
                restored.queue = pool.queue.into();
                restored.lost = pool.lost;
                restored.accepted = pool.accepted;
                restored.burst = pool.burst;
            }
            self.bus.subscribe(restored);
        }
        self.groups.insert(group);
    }
}

fn save_process(process: &Process) -> ProcessState {
    ProcessState {
        id: process.id,
        logs: process.logs.clone(),
        state: process.state.clone(),
        tries: process.tries,
        started: process.started,
        stopped: process.stopped,
        exitstatus: process.exitstatus,
        spawnerr: process.spawnerr.clone(),
        ended: process.ended,
        pauses: process.pauses,
        revival: process.revival,
        listener: process.listener.clone(),
        waiters: process.waiters.clone(),
    }
}

fn restore_process(saved: ProcessState, group: Arc<str>, config: Arc<config::ProcessConfig>) -> Process {
    let state = match saved.state {
        // Whether the child that was ordered came to be is not known: the order is given again a little later.
        State::Spawning { then } if then.contains(&Then::Stop) => State::Stopped,
        State::Spawning { .. } => State::Backoff {
            until: saved.started.map_or(Moment::default(), |started| started.at.after_secs(RETRY_SECS)),
        },
        state => state,
    };
    Process {
        id: saved.id,
        group,
        config,
        logs: saved.logs,
        state,
        tries: saved.tries,
        started: saved.started,
        stopped: saved.stopped,
        exitstatus: saved.exitstatus,
        spawnerr: saved.spawnerr,
        answered: Moment::default(),
        ended: saved.ended,
        pauses: saved.pauses,
        revival: saved.revival,
        listener: saved.listener,
        waiters: saved.waiters,
    }
}
