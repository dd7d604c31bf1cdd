//! The daemon's two kinds of restart: a crash, after which a successor goes on from the state file with what still runs, and
//! an upgrade in place, which hands everything over.
//!
//! The state file is kept as the daemon keeps it, change by change, a little late, and not at all while the disk is full.
//! Deliberately absent: its bytes, but for the handover's, which goes through JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use config::{GroupConfig, GroupKind, KillMode};
use engine::handover::{Change, Child, GroupState, Handover, Listener, ProcessState, Started, State};
use engine::{CallId, Engine, Input, ProcessId};
use model::{ExitStatus, Moment, Signal, SupervisorState};

use crate::machine::{Call, Happening, LOCAL, MS, Machine};
use crate::sabotage::Sabotage;

/// What is written down of the engine's changes, and what is not yet.
#[derive(Debug, Default)]
pub(crate) struct StateFile {
    groups: BTreeMap<String, (u64, Arc<GroupConfig>, Vec<ProcessId>)>,
    processes: BTreeMap<ProcessId, ProcessState>,
    next_serial: u64,
    unwritten: Vec<Change>,
    /// Nothing can be written.
    pub(crate) full: bool,
}

impl StateFile {
    fn write(&mut self, next_serial: u64) {
        self.next_serial = next_serial;
        for change in std::mem::take(&mut self.unwritten) {
            match change {
                Change::Group { place, config, members } => {
                    self.groups.insert(config.name.clone(), (place, config, members));
                }
                Change::Removed { group } => drop(self.groups.remove(&group)),
                Change::Process(state) => drop(self.processes.insert(state.id, *state)),
            }
        }
    }

    /// Groups that are known as a whole, in their order.
    fn read(&self) -> Vec<GroupState> {
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_by_key(|(place, ..)| *place);
        let groups = groups.into_iter().filter_map(|(_, config, members)| {
            let processes: Vec<_> = members.iter().map(|id| self.processes.get(id).cloned()).collect::<Option<_>>()?;
            Some(GroupState { config: Arc::clone(config), processes, pool: None })
        });
        groups.collect()
    }
}

impl Machine {
    /// Note what has changed; the writer is a thread of its own and may be behind.
    pub(crate) fn keep(&mut self) {
        self.file.unwritten.extend(self.engine.take_changes());
        if !self.file.full && !self.rng.one_in(4) {
            self.file.write(self.engine.next_serial());
        }
    }

    /// The daemon crashes, and a while later another takes over.
    pub(crate) fn crash(&mut self) {
        self.report.crashes += 1;
        self.note(|| "the daemon crashes".into());
        for call in self.calls.values_mut().filter(|call| **call == Call::Waits) {
            *call = Call::Gone;
        }
        self.lose_what_was_under_way();
        let down = self.rng.below(3000 * MS);
        self.pass_without_a_daemon(self.now + down);
        self.last.clear();
        self.succeed();
        self.tell(Input::Started);
    }

    /// What was on its way to the old daemon is lost with it; a child that was being made may have come to be.
    fn lose_what_was_under_way(&mut self) {
        let (lost, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|(_, happening)| matches!(happening, Happening::Tell(_) | Happening::Spawned(_)));
        self.queue = kept.into_iter().collect();
        for (_, happening) in lost {
            if let Happening::Spawned(order) = happening
                && self.rng.one_in(2)
            {
                self.fork(&order);
            }
        }
        self.spawning.clear();
        self.untold.clear();
        self.stopping.clear();
        // Nobody is left who waits for the descendants of these.
        let left = std::mem::take(&mut self.outlived);
        self.kin.retain(|_, kin| !left.contains_key(&kin.root));
        self.file.unwritten.clear();
        self.file.full = false;
    }

    fn pass_without_a_daemon(&mut self, end: u64) {
        while let Some(key) = self.queue.first_key_value().map(|(key, _)| *key).filter(|(time, _)| *time <= end) {
            match self.queue.remove(&key) {
                Some(Happening::Dies(pid, _)) => {
                    self.children.remove(&pid);
                    self.kin.retain(|_, kin| kin.root != pid);
                }
                Some(Happening::KinDies(pid)) => drop(self.kin.remove(&pid)),
                // Clients, listeners and the weather find nobody.
                Some(other @ (Happening::Client | Happening::Weather)) => self.at(end + MS, other),
                _ => {}
            }
        }
        self.now = end;
    }

    /// The successor adopts programs that still run; if there are none, it starts anew.
    fn succeed(&mut self) {
        let mut groups = self.file.read();
        let serial = self.file.next_serial;
        self.file = StateFile::default();
        self.find_unrecorded(&mut groups);
        self.end_listeners();
        let known: BTreeSet<u32> = children(&groups).map(|(_, child)| child.pid).collect();
        // Of a group that was never written down nothing is known: its program goes on alone.
        let strays: Vec<u32> = self.children.keys().copied().filter(|pid| !known.contains(pid)).collect();
        for pid in strays {
            self.report.strays += 1;
            self.children.remove(&pid);
            self.kin.retain(|_, kin| kin.root != pid);
        }
        self.dead.clear();
        if self.children.is_empty() {
            self.note(|| "nothing is left to adopt".into());
            self.engine = Engine::new(Arc::clone(&self.config), LOCAL);
            return;
        }
        let ended = self.settle(&mut groups);
        let handover = Handover::of_groups(groups, serial, self.wall());
        match Engine::restore(handover, Arc::clone(&self.config), LOCAL) {
            Ok(engine) => self.engine = engine,
            Err(error) => return self.fail(error.to_string()),
        }
        for (process, pid) in ended {
            self.untold.insert(pid);
            self.dead.insert(pid, process);
            self.later(3, Happening::Tell(Input::Reaped { process, status: ExitStatus::Unknown }));
        }
    }

    /// A child that came to be after the last note is known by its environment.
    fn find_unrecorded(&mut self, groups: &mut [GroupState]) {
        let known: BTreeSet<u32> = children(groups).map(|(_, child)| child.pid).collect();
        let now = Moment(self.now);
        let wall = self.wall();
        for (pid, child) in self.children.iter_mut().filter(|(pid, _)| !known.contains(pid)) {
            let Some(group) = groups.iter_mut().find(|group| group.config.name == child.names.0) else { continue };
            let members = group.processes.iter_mut().zip(&group.config.processes);
            let found = members.into_iter().find(|(_, config)| config.name == child.names.1);
            let Some((state, config)) = found else { continue };
            let started = state.started.unwrap_or(Started { at: now, wall });
            let up_at = Moment(started.at.after_secs(config.startsecs).0.saturating_add(1));
            state.started = Some(started);
            state.state = State::Starting { child: Child { pid: *pid, gone: None }, up_at };
            child.process = state.id;
            // The successor goes by what was noted, which may be an older configuration.
            child.kill = config.killmode;
            for kin in self.kin.values_mut().filter(|kin| kin.root == *pid) {
                kin.counted = config.killmode == KillMode::Tree;
            }
            self.report.found += 1;
        }
    }

    /// Old listeners are ended before the successor begins.
    fn end_listeners(&mut self) {
        let listeners: Vec<u32> =
            self.children.iter().filter(|(_, child)| child.listener).map(|(pid, _)| *pid).collect();
        for pid in listeners {
            self.children.remove(&pid);
            self.kin.retain(|_, kin| kin.root != pid);
        }
    }

    /// Groups that go on: those that are configured as they were, and those of which something runs. The children of
    /// theirs that are gone.
    fn settle(&mut self, groups: &mut Vec<GroupState>) -> Vec<(ProcessId, u32)> {
        let mut ended = Vec::new();
        groups.retain_mut(|group| {
            let lives =
                |state: &ProcessState| child_of(state).is_some_and(|child| self.children.contains_key(&child.pid));
            let same = self.config.groups.contains(&group.config);
            if !same && !group.processes.iter().any(lives) {
                return false;
            }
            let is_pool = matches!(group.config.kind, GroupKind::Listeners(_));
            for state in group.processes.iter_mut().filter(|state| state.state.child().is_some()) {
                if is_pool {
                    let stopping = matches!(state.state, State::Stopping { .. });
                    let again = State::Exited { again: Some(Moment(self.now)) };
                    state.state = if stopping { State::Stopped } else { again };
                    state.listener = Some(Listener::default());
                } else if !lives(state)
                    && let Some(child) = state.state.child_mut()
                {
                    // Its end may have been noted, and the wait for its last output with it: that goes on.
                    if child.gone.is_none() {
                        ended.push((state.id, child.pid));
                    }
                }
            }
            true
        });
        ended
    }

    /// The daemon hands its state over in place: nothing is lost, no client notices.
    pub(crate) fn upgrade(&mut self, call: Option<CallId>) {
        let calls = Vec::from_iter(call);
        // Calls behind a question to the world would be lost.
        if self.engine.open_questions() > 0 || self.engine.mood() != SupervisorState::Running {
            return self.tell(Input::UpgradeRefused { calls, reason: "busy".into() });
        }
        self.report.upgrades += 1;
        self.note(|| "the daemon is upgraded".into());
        let before = text(&self.engine.save());
        let mut handed = self.engine.save();
        if self.is(Sabotage::LostCalls) {
            handed = handed.without_calls();
        }
        let mut written = text(&handed);
        if self.is(Sabotage::ChangedState) {
            written = written.replace("\"tries\":1", "\"tries\":0");
        }
        let restored =
            serde_json::from_str::<Handover>(&written).map_err(|error| error.to_string()).and_then(|handed| {
                let (base, read) = self.engine.configurations();
                Engine::take_up(handed, base, read, LOCAL).map_err(|error| error.to_string())
            });
        match restored {
            Ok(engine) if text(&engine.save()) == before => self.engine = engine,
            Ok(_) => self.fail("an upgrade changes what is handed over".into()),
            Err(error) => self.fail(error),
        }
        let ordered: BTreeSet<ProcessId> = self.engine.ordered().iter().map(|order| order.process).collect();
        if ordered != self.spawning {
            self.fail(format!("{:?} were ordered, the successor says {ordered:?}", self.spawning));
        }
        self.tell(Input::Upgraded { calls, from: "1".into(), to: "2".into() });
        self.tamper();
    }

    /// Sabotage of what was handed over.
    fn tamper(&mut self) {
        let mut handover = self.engine.save();
        for group in &mut handover.groups {
            if let Some(pool) = &mut group.pool {
                if self.is(Sabotage::LostEvent) {
                    pool.queue.pop();
                }
                if self.is(Sabotage::FullQueue)
                    && let Some(event) = pool.queue.last().cloned()
                {
                    pool.queue.extend(std::iter::repeat_n(event, 20));
                    pool.next_serial += 20;
                }
            }
            for process in &mut group.processes {
                process.state = match process.state.clone() {
                    State::Stopped if self.is(Sabotage::BadState) => State::Fatal,
                    State::Stopping { child, .. } if self.is(Sabotage::EndlessWait) => State::Running { child },
                    state => state,
                };
            }
        }
        if self.is(Sabotage::EndlessWait) {
            self.last.clear();
        }
        let broken = [Sabotage::LostEvent, Sabotage::FullQueue, Sabotage::BadState, Sabotage::EndlessWait];
        if broken.into_iter().any(|one| self.is(one)) {
            let (base, read) = self.engine.configurations();
            match Engine::take_up(handover, base, read, LOCAL) {
                Ok(engine) => self.engine = engine,
                Err(error) => self.fail(error.to_string()),
            }
        }
    }

    /// Somebody kills a child with kill -9.
    pub(crate) fn murder(&mut self) {
        let pids: Vec<u32> = self.children.keys().copied().collect();
        if let Some(&pid) = self.rng.pick(&pids) {
            self.dies(pid, ExitStatus::Signaled { signal: Signal::KILL, core: false });
        }
    }
}

fn text(handover: &Handover) -> String {
    serde_json::to_string(handover).unwrap_or_else(|error| error.to_string())
}

fn child_of(state: &ProcessState) -> Option<&Child> {
    state.state.child().filter(|child| child.gone.is_none())
}

fn children(groups: &[GroupState]) -> impl Iterator<Item = (ProcessId, &Child)> {
    groups.iter().flat_map(|group| &group.processes).filter_map(|state| Some((state.id, child_of(state)?)))
}
