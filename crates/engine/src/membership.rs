//! Groups that come and go: made ready by the world, then active with all their processes, and forgotten when removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use config::{GroupConfig, GroupKind, LogTarget, ProcessConfig};
use model::{Channel, EventType, Fault, FaultCode, Moment, SupervisorState, WallTime};

use crate::action::Action;
use crate::bus::Pool;
use crate::calls::Question;
use crate::engine::Engine;
use crate::group::Group;
use crate::input::{AutoLog, CallId, ProcessId, Ticket};
use crate::process::{Process, State};
use crate::timers::Timer;

/// A group of the start that is being prepared.
#[derive(Debug)]
pub(crate) struct Preparing {
    ticket: Ticket,
    group: Arc<GroupConfig>,
    logs: Option<Vec<AutoLog>>,
}

impl Engine {
    /// Prepare all groups; nothing starts before the last of them is ready, so that order is kept. Of groups of one name
    /// (a program and a listener may share one) the first is taken, as by the reference.
    pub(crate) fn daemon_started(&mut self) {
        let mut names = BTreeSet::new();
        let absent = |group: &&Arc<GroupConfig>| !self.groups.contains(&group.name) && names.insert(group.name.clone());
        for group in self.config.groups.iter().filter(absent).cloned().collect::<Vec<_>>() {
            let ticket = self.prepare(Arc::clone(&group), None);
            self.starting.push(Preparing { ticket, group, logs: None });
        }
        self.start_groups();
    }

    /// The group is active, or will be with the others of the start.
    pub(crate) fn is_added(&self, name: &str) -> bool {
        self.groups.contains(name) || self.starting.iter().any(|preparing| preparing.group.name == name)
    }

    /// Have the world make a group's AUTO log files.
    pub(crate) fn prepare(&mut self, group: Arc<GroupConfig>, call: Option<CallId>) -> Ticket {
        let ticket = self.ask(Question::Prepare { group: Arc::clone(&group), call });
        self.act(Action::PrepareGroup { ticket, group });
        ticket
    }

    pub(crate) fn group_prepared(&mut self, ticket: Ticket, logs: Vec<AutoLog>) {
        match self.answered(ticket) {
            Some(Question::Prepare { group, call: Some(call) }) => {
                let result = self.added_by_client(group, logs);
                self.reply_result(call, result);
            }
            Some(Question::Prepare { call: None, .. }) => {
                // Tickets rise, so that the place is found without going through all.
                let place = self.starting.binary_search_by_key(&ticket, |preparing| preparing.ticket);
                if let Some(preparing) = place.ok().and_then(|place| self.starting.get_mut(place)) {
                    preparing.logs = Some(logs);
                }
                self.start_groups();
            }
            _ => {}
        }
    }

    /// When the last group of the start is ready: all become active, the daemon runs, and programs are started (those of
    /// groups that were restored are as they were).
    fn start_groups(&mut self) {
        // The last is most likely to be missing: from there, 5,000 answers take no 12 million looks.
        if self.starting.iter().rev().any(|preparing| preparing.logs.is_none()) {
            return;
        }
        let mut added = Vec::new();
        for Preparing { group, logs, .. } in std::mem::take(&mut self.starting) {
            added.push((group.priority, group.name.clone()));
            self.add_group(group, logs.unwrap_or_default());
        }
        self.raise(EventType::SupervisorStateChangeRunning, String::new);
        added.sort_by_key(|&(priority, _)| priority);
        for (_, name) in added {
            self.autostart(&name);
        }
    }

    /// The group may have been added by another call, or the daemon may have begun to stop, while it was prepared.
    pub(crate) fn added_by_client(&mut self, group: Arc<GroupConfig>, logs: Vec<AutoLog>) -> Result<(), Fault> {
        if self.mood != SupervisorState::Running {
            return Err(Fault::bare(FaultCode::ShutdownState));
        }
        let name = group.name.clone();
        if self.groups.contains(&name) {
            return Err(Fault::about(FaultCode::AlreadyAdded, name));
        }
        self.add_group(group, logs);
        self.autostart(&name);
        Ok(())
    }

    fn add_group(&mut self, config: Arc<GroupConfig>, logs: Vec<AutoLog>) {
        let mut members = Vec::with_capacity(config.processes.len());
        let is_pool = matches!(config.kind, GroupKind::Listeners(_));
        let group_name: Arc<str> = Arc::from(config.name.as_str());
        let mut logs = LogPaths::new(logs);
        for process in &config.processes {
            let id = ProcessId(self.next_process);
            self.next_process += 1;
            let process = new_process(id, Arc::clone(&group_name), Arc::clone(process), logs.of(process), is_pool);
            self.processes.insert(id, process);
            members.push(id);
        }
        let group = Group::new(config, members);
        if let GroupKind::Listeners(pool) = &group.config.kind {
            self.bus.subscribe(Pool::new(Arc::clone(&group.name), pool.clone(), group.members.clone()));
            self.rearm_ticks();
        }
        let name = Arc::clone(&group.name);
        self.changes.groups.insert(Arc::clone(&name));
        self.changes.processes.extend(&group.members);
        self.groups.insert(group);
        self.lexical = None;
        self.raise(EventType::ProcessGroupAdded, || format!("groupname:{name}\n"));
    }

    /// Start what is to be started by itself, in the order of the configuration.
    fn autostart(&mut self, group: &str) {
        if self.mood != SupervisorState::Running {
            return;
        }
        let members = self.groups.get(group).map(|group| group.members.clone()).unwrap_or_default();
        for id in members {
            if self.processes.get(&id).is_some_and(|process| process.config.autostart) {
                self.joins_batch(id);
                self.start(id);
            }
        }
    }

    /// Let go of a group whose processes are all stopped.
    ///
    /// # Errors
    /// BAD_NAME, or STILL_RUNNING if one of them is not.
    pub(crate) fn remove_group(&mut self, name: &str) -> Result<(), Fault> {
        let group = self.groups.get(name).ok_or_else(|| Fault::about(FaultCode::BadName, name))?;
        let processes = || group.members.iter().filter_map(|id| self.processes.get(id));
        // A child that could not be signalled still lives under a state that counts as stopped: it is not let go.
        if processes().any(|process| !process.word().is_stopped() || process.state.child().is_some()) {
            return Err(Fault::about(FaultCode::StillRunning, name));
        }
        let Some(group) = self.groups.remove(name) else { return Ok(()) };
        self.changes.groups.insert(Arc::clone(&group.name));
        self.keep_logs(&group);
        for id in &group.members {
            self.processes.remove(id);
            self.timers.set(Timer::Process(*id), None);
            self.timers.set(Timer::StopReport(*id), None);
        }
        if group.is_pool() {
            self.bus.unsubscribe(name);
            self.rearm_ticks();
        }
        self.lexical = None;
        self.act(Action::ForgetGroup { group: name.to_owned(), processes: group.members });
        self.raise(EventType::ProcessGroupRemoved, || format!("groupname:{name}\n"));
        Ok(())
    }

    /// Remember the AUTO logs of a group that is let go, if it is still configured as it was.
    fn keep_logs(&mut self, group: &Group) {
        if !self.config.groups.iter().any(|configured| Arc::ptr_eq(configured, &group.config)) {
            return;
        }
        let mut kept = Vec::new();
        for process in group.members.iter().filter_map(|id| self.processes.get(id)) {
            let outputs = [(Channel::Stdout, &process.config.stdout), (Channel::Stderr, &process.config.stderr)];
            for ((channel, output), path) in outputs.into_iter().zip(&process.logs) {
                if let (LogTarget::Auto, Some(path)) = (&output.logfile, path) {
                    kept.push(AutoLog { process: process.config.name.clone(), channel, path: path.clone() });
                }
            }
        }
        if !kept.is_empty() {
            self.removed_logs.insert(group.name.to_string(), kept);
        }
    }

    /// All processes in the order of listings; made anew only after groups have come or gone.
    pub(crate) fn lexical(&mut self) -> Arc<[ProcessId]> {
        if let Some(order) = &self.lexical {
            return Arc::clone(order);
        }
        let order: Arc<[ProcessId]> = self.groups.lexical().into();
        self.lexical = Some(Arc::clone(&order));
        order
    }
}

/// The logs of a group's processes, AUTO resolved.
pub(crate) struct LogPaths(BTreeMap<(String, Channel), PathBuf>);

impl LogPaths {
    /// With these AUTO logs.
    pub(crate) fn new(logs: Vec<AutoLog>) -> Self {
        Self(logs.into_iter().map(|log| ((log.process, log.channel), log.path)).collect())
    }

    /// Of a process: each is given once.
    pub(crate) fn of(&mut self, process: &ProcessConfig) -> [Option<PathBuf>; 2] {
        [Channel::Stdout, Channel::Stderr]
            .map(|channel| log_path(process, channel, self.0.remove(&(process.name.clone(), channel))))
    }
}

fn log_path(process: &ProcessConfig, channel: Channel, auto: Option<PathBuf>) -> Option<PathBuf> {
    let output = match channel {
        Channel::Stdout => &process.stdout,
        Channel::Stderr if process.redirect_stderr => return None,
        Channel::Stderr => &process.stderr,
    };
    match &output.logfile {
        LogTarget::Auto => auto,
        LogTarget::File(path) => Some(path.clone()),
        LogTarget::None => None,
    }
}

/// One that has never run.
pub(crate) fn new_process(
    id: ProcessId,
    group: Arc<str>,
    config: Arc<ProcessConfig>,
    logs: [Option<PathBuf>; 2],
    is_listener: bool,
) -> Process {
    Process {
        id,
        group,
        config,
        logs,
        state: State::Stopped,
        tries: 0,
        started: None,
        stopped: WallTime::default(),
        exitstatus: None,
        spawnerr: None,
        answered: Moment::default(),
        ended: None,
        pauses: 0,
        revival: None,
        listener: is_listener.then(Default::default),
        waiters: Vec::new(),
    }
}
