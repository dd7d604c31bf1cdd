//! What a daemon that died has left, and what becomes of it.
//!
//! If any of its programs still runs, the new daemon goes on where it left off: groups keep their states, and those whose
//! configuration has changed meanwhile keep the old one until `update`. If none runs, the start is an ordinary one.
//! Event listeners start anew, after their old process is ended: their conversation is lost with the daemon.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use config::{Config, DaemonConfig, GroupConfig, GroupKind, Orphans, ProcessConfig};
use engine::handover::{GroupState, State};
use engine::{AutoLog, Handover, ProcessId, SpawnOrder};
use model::Level;
use sys::{clock, process};

use super::ending::{self, Ending};
use super::orphan::{self, Orphan};
use super::record::{self, Header, Kept, Written};
use super::unrecorded;
use crate::control;

/// A line for the daemon's log.
pub type Said = (Level, String);

/// An old listener has so long to end.
const LISTENERS: Duration = Duration::from_secs(2);
/// Programs that are to be killed have at most so long to end by themselves.
const KILLED: Duration = Duration::from_secs(10);

/// What the state file says.
#[derive(Debug)]
pub enum Past {
    /// Nothing that counts.
    Nothing,
    /// It is the file of a daemon that runs: it is left alone.
    Foreign,
    /// Its daemon is gone.
    Gone(Box<Written>),
}

/// What the new daemon goes on with.
#[derive(Debug)]
pub struct Legacy {
    /// For the engine.
    pub handover: Handover,
    /// Programs that still run.
    pub orphans: Vec<Orphan>,
    /// Programs that ended while there was no daemon.
    pub ended: Vec<ProcessId>,
}

impl Past {
    /// Reads the state file.
    pub fn look(config: &DaemonConfig) -> (Self, Option<Said>) {
        let own = Header::own(config.serverurl.clone(), None);
        let Some((path, own)) = config.statefile.as_ref().zip(own) else { return (Self::Nothing, None) };
        match record::read(path) {
            Ok(Some(written)) if !written.header.is_of_this_place(&own) => (Self::Nothing, None),
            Ok(Some(written)) if written.header.pid != own.pid && written.header.lives() => {
                let pid = written.header.pid;
                let text = format!("the state file {} is that of pid {pid}, which runs: none is kept", path.display());
                (Self::Foreign, Some((Level::Warn, text)))
            }
            Ok(Some(written)) => (Self::Gone(Box::new(written)), None),
            Ok(None) => (Self::Nothing, None),
            Err(why) => {
                let text = format!("the state file {} is not used: {why}", path.display());
                (Self::Nothing, Some((Level::Warn, text)))
            }
        }
    }

    /// AUTO logs that are still written to.
    pub fn logs(&self, config: &DaemonConfig) -> HashSet<PathBuf> {
        match self {
            Self::Gone(written) if config.orphans == Orphans::Adopt => {
                let processes = written.groups.iter().flat_map(|group| &group.processes);
                processes.flat_map(|process| process.logs.iter().flatten().cloned()).collect()
            }
            Self::Gone(_) | Self::Nothing | Self::Foreign => HashSet::new(),
        }
    }

    /// Does with the old programs what `orphans=` says; may wait for those that have to end.
    /// `make_logs` makes the AUTO logs of a group.
    pub fn settle(
        self,
        config: &Config,
        make_logs: &dyn Fn(&GroupConfig) -> Vec<AutoLog>,
        said: &mut Vec<Said>,
    ) -> Option<Legacy> {
        let Self::Gone(mut written) = self else { return None };
        if config.daemon.orphans == Orphans::Ignore {
            return None;
        }
        unrecorded::find(&mut written, config, make_logs, said);
        let (living, left) = (find_living(&written), left_behind(&written));
        if living.is_empty() {
            ending::end(&left, Duration::ZERO);
            return None;
        }
        let pid = written.header.pid;
        said.push((Level::Warn, format!("supervisord with pid {pid} has died and left {} processes", living.len())));
        if config.daemon.orphans == Orphans::Kill {
            let all: Vec<_> = living.into_iter().map(Living::into_ending).chain(left).collect();
            ending::end(&all, KILLED);
            return None;
        }
        let (listeners, programs): (Vec<_>, Vec<_>) = living.into_iter().partition(|one| one.listener);
        let old: Vec<_> = listeners.into_iter().map(Living::into_ending).chain(left).collect();
        ending::end(&old, LISTENERS);
        (!programs.is_empty()).then(|| adopt(*written, programs, config, said))
    }
}

/// A process that still runs.
struct Living {
    id: ProcessId,
    kept: Kept,
    pidfd: OwnedFd,
    group: String,
    config: std::sync::Arc<ProcessConfig>,
    listener: bool,
}

impl Living {
    fn into_ending(self) -> Ending {
        let Self { id: process, kept, group, config, pidfd, .. } = self;
        let url = process::variable(kept.pid, control::URL);
        Ending { process, kept, group, config, pidfd: Some(pidfd), url }
    }
}

/// Programs that have ended without a daemon, whose descendants are not to outlive them.
fn left_behind(written: &Written) -> Vec<Ending> {
    let mut ended = Vec::new();
    for group in &written.groups {
        for (state, config) in group.processes.iter().zip(&group.config.processes) {
            let kept = written.kept.get(&state.id).filter(|kept| orphan::find(kept).is_none());
            let Some(&kept) = kept.filter(|_| state.state.child().is_some() && ending::is_counted(config)) else {
                continue;
            };
            let (group, config) = (group.config.name.clone(), config.clone());
            let url = control::url_of(&config, written.header.url.as_deref());
            // Without it those of another daemon, with the same names, would be taken for this one's.
            if url.is_some() {
                ended.push(Ending { process: state.id, kept, group, config, pidfd: None, url });
            }
        }
    }
    ended
}

/// Its processes are event listeners.
pub fn is_pool(group: &GroupConfig) -> bool {
    matches!(group.kind, GroupKind::Listeners(_))
}

fn find_living(written: &Written) -> Vec<Living> {
    let mut living = Vec::new();
    for group in &written.groups {
        for (state, config) in group.processes.iter().zip(&group.config.processes) {
            let Some(kept) = written.kept.get(&state.id).filter(|_| state.state.child().is_some()) else { continue };
            if let Some(pidfd) = orphan::find(kept) {
                let (id, config, listener) = (state.id, config.clone(), is_pool(&group.config));
                living.push(Living { id, kept: *kept, pidfd, group: group.config.name.clone(), config, listener });
            }
        }
    }
    living
}

fn adopt(written: Written, programs: Vec<Living>, config: &Config, said: &mut Vec<Said>) -> Legacy {
    let Written { groups, next_serial, .. } = written;
    let living: HashSet<ProcessId> = programs.iter().map(|one| one.id).collect();
    let (mut kept_groups, mut ended) = (Vec::new(), Vec::new());
    for mut group in groups {
        if !is_kept(&group, config, &living, said) {
            continue;
        }
        let pool = is_pool(&group.config);
        for state in group.processes.iter_mut().filter(|state| state.state.child().is_some()) {
            if pool {
                // What an operator had told to stop stays stopped.
                let stopping = matches!(state.state, State::Stopping { .. });
                let again = State::Exited { again: Some(clock::now()) };
                state.state = if stopping { State::Stopped } else { again };
                state.listener = Some(engine::handover::Listener::default());
            } else if !living.contains(&state.id) {
                ended.push(state.id);
            }
        }
        kept_groups.push(group);
    }
    let mut orphans = Vec::new();
    for one in programs {
        let Some(order) = order_of(&kept_groups, one.id) else { continue };
        let (name, pid) = (one.config.name.clone(), one.kept.pid);
        let (orphan, trouble) = Orphan::open(order, one.kept, one.pidfd);
        said.push((Level::Info, format!("adopted: '{name}' with pid {pid}")));
        for why in trouble {
            said.push((Level::Warn, format!("not all of '{name}' (pid {pid}) could be taken over: {why}")));
        }
        orphans.push(orphan);
    }
    Legacy { handover: Handover::of_groups(kept_groups, next_serial, clock::wall()), orphans, ended }
}

/// A group goes on if it is configured as it was, or if something of it runs.
fn is_kept(group: &GroupState, config: &Config, living: &HashSet<ProcessId>, said: &mut Vec<Said>) -> bool {
    let name = &group.config.name;
    let now = config.groups.iter().find(|now| now.name == *name);
    if now.is_some_and(|now| *now == group.config) {
        return true;
    }
    let lives = group.processes.iter().any(|state| living.contains(&state.id));
    if lives {
        let what = if now.is_some() { "is configured otherwise now" } else { "is not configured any more" };
        said.push((Level::Warn, format!("group '{name}' {what}: it goes on as it was until the next update")));
    }
    lives
}

/// What would be ordered now to start this process.
pub fn order_of(groups: &[GroupState], id: ProcessId) -> Option<SpawnOrder> {
    groups.iter().find_map(|group| {
        let place = group.processes.iter().position(|state| state.id == id)?;
        let socket = match &group.config.kind {
            GroupKind::FastCgi(socket) => Some(socket.clone()),
            GroupKind::Programs | GroupKind::Listeners(_) => None,
        };
        Some(SpawnOrder {
            process: id,
            group: group.config.name.clone(),
            config: group.config.processes.get(place)?.clone(),
            logs: group.processes.get(place)?.logs.clone(),
            listener: false,
            socket,
        })
    })
}
