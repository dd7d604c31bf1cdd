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
use engine::handover::{Child, GroupState, Started, State};
use engine::{Handover, ProcessId, SpawnOrder};
use model::{Level, Moment};
use sys::{clock, process};

use super::orphan::{self, Orphan};
use super::record::{self, Header, Kept, Written};

/// A line for the daemon's log.
type Said = (Level, String);

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
        let Some((path, own)) = config.statefile.as_ref().zip(Header::own()) else { return (Self::Nothing, None) };
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
    pub fn settle(self, config: &Config, said: &mut Vec<Said>) -> Option<Legacy> {
        let Self::Gone(mut written) = self else { return None };
        if config.daemon.orphans == Orphans::Ignore {
            return None;
        }
        find_unrecorded(&mut written);
        let living = find_living(&written);
        if living.is_empty() {
            return None;
        }
        let pid = written.header.pid;
        said.push((Level::Warn, format!("supervisord with pid {pid} has died and left {} processes", living.len())));
        if config.daemon.orphans == Orphans::Kill {
            let all: Vec<_> = living.iter().map(|one| (one.kept, &one.pidfd, &*one.config)).collect();
            orphan::end(&all, KILLED);
            return None;
        }
        let (listeners, programs): (Vec<_>, Vec<_>) = living.into_iter().partition(|one| one.listener);
        let old: Vec<_> = listeners.iter().map(|one| (one.kept, &one.pidfd, &*one.config)).collect();
        orphan::end(&old, LISTENERS);
        (!programs.is_empty()).then(|| adopt(*written, programs, config, said))
    }
}

/// A process that still runs.
struct Living {
    id: ProcessId,
    kept: Kept,
    pidfd: OwnedFd,
    config: std::sync::Arc<ProcessConfig>,
    listener: bool,
}

fn is_pool(group: &GroupConfig) -> bool {
    matches!(group.kind, GroupKind::Listeners(_))
}

fn find_living(written: &Written) -> Vec<Living> {
    let mut living = Vec::new();
    for group in &written.groups {
        for (state, config) in group.processes.iter().zip(&group.config.processes) {
            let Some(kept) = written.kept.get(&state.id).filter(|_| state.state.child().is_some()) else { continue };
            if let Some(pidfd) = orphan::find(kept) {
                let (id, config, listener) = (state.id, config.clone(), is_pool(&group.config));
                living.push(Living { id, kept: *kept, pidfd, config, listener });
            }
        }
    }
    living
}

/// A child that came to be after the last line was written: it has the environment of its program, leads its process group
/// and is of the daemon's session, which a grandchild that has only inherited that environment does not and is not.
fn find_unrecorded(written: &mut Written) {
    let header = written.header.clone();
    let known: HashSet<u32> = written.kept.values().map(|kept| kept.pid).collect();
    let rows = process::table().into_iter().filter(|row| {
        row.group == row.pid && row.session == header.session && row.start >= header.start && !known.contains(&row.pid)
    });
    for row in
        rows.filter(|row| !row.zombie && process::row(row.parent).is_none_or(|parent| parent.start < header.start))
    {
        let Some((group, name)) = marker(row.pid) else { continue };
        let Some(found) = written.groups.iter_mut().find(|found| found.config.name == group) else { continue };
        let members = found.processes.iter_mut().zip(&found.config.processes);
        let Some((state, config)) = members.into_iter().find(|(_, config)| config.name == name) else { continue };
        let has_child = written.kept.get(&state.id).is_some_and(|kept| orphan::find(kept).is_some());
        if has_child {
            continue;
        }
        let at = clock::now();
        let started = state.started.unwrap_or(Started { at, wall: clock::wall() });
        let up_at = Moment(started.at.after_secs(config.startsecs).0.saturating_add(1));
        state.started = Some(started);
        state.state = State::Starting { child: Child { pid: row.pid, gone: None }, up_at };
        written.kept.insert(state.id, Kept { pid: row.pid, start: row.start, pipes: pipes_of(row.pid) });
    }
}

/// The group and name that a child was told.
fn marker(pid: u32) -> Option<(String, String)> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let find = |name: &str| {
        let texts = environment.split(|&byte| byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
        texts.filter_map(|text| text.strip_prefix(name)).map(str::to_owned).next_back()
    };
    Some((find("SUPERVISOR_GROUP_NAME=")?, find("SUPERVISOR_PROCESS_NAME=")?))
}

fn pipes_of(pid: u32) -> [Option<u64>; 3] {
    use std::os::unix::fs::MetadataExt;
    [0, 1, 2].map(|fd| std::fs::metadata(format!("/proc/{pid}/fd/{fd}")).ok().map(|found| found.ino()))
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

fn order_of(groups: &[GroupState], id: ProcessId) -> Option<SpawnOrder> {
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
