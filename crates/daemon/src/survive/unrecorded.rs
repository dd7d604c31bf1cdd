//! Children of a dead daemon of which its state file does not tell: they were started after its last line, or nothing could
//! be written. They are found by what the kernel shows, so that none gets a second copy.
//!
//! Such a child has the environment of its program, leads its process group and is of the daemon's session; a grandchild
//! that has inherited that environment does not and is not. Deliberately absent: programs that write over the environment
//! which the kernel shows (those that set a title of their own), and those that leave the session.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;
use std::time::Duration;

use config::{Config, GroupConfig};
use engine::handover::{Child, GroupState, Started, State};
use engine::{AutoLog, ProcessId};
use model::{Level, Moment, WallTime};
use sys::clock;
use sys::process::{self, Row};

use super::orphan;
use super::past::{Said, is_pool};
use super::record::{Header, Kept, Written};
use crate::control;

/// A child that has been forked becomes its program within this time, unless its file system hangs.
const BECOMING: Duration = Duration::from_secs(1);
/// How far the start of a process may be told too early, in nanoseconds: two ticks.
const PRECISION: i64 = 20_000_000;
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(5);

/// Adds them to what was written. `make_logs` makes the AUTO logs of a group that was not written down.
pub fn find(
    written: &mut Written,
    config: &Config,
    make_logs: &dyn Fn(&GroupConfig) -> Vec<AutoLog>,
    said: &mut Vec<Said>,
) {
    wait_for_programs(&written.header);
    let known: HashSet<u32> = written
        .groups
        .iter()
        .flat_map(|group| &group.processes)
        .filter_map(|process| written.kept.get(&process.id))
        .filter(|kept| orphan::find(kept).is_some())
        .map(|kept| kept.pid)
        .collect();
    let of_session = children_of_dead(&written.header);
    for row in of_session.filter(|row| row.group == row.pid && !known.contains(&row.pid)) {
        let Some((group, name)) = marker(row.pid).filter(|marker| is_child(&row, marker, &written.header)) else {
            continue;
        };
        if is_of_another(&row, &group, &name, written, config) {
            continue;
        }
        let Some(place) = place_of(written, config, &group, &name, make_logs) else {
            let pid = row.pid;
            let text = format!("pid {pid} runs as '{group}:{name}', of which nothing is known: it is left alone");
            said.push((Level::Warn, text));
            continue;
        };
        take(written, place, &row, said);
    }
}

/// Those of the session that are younger than the daemon.
fn children_of_dead(header: &Header) -> impl Iterator<Item = Row> + use<> {
    let (session, start, me) = (header.session, header.start, std::process::id());
    process::table().into_iter().filter(move |row| {
        row.session == session && row.start >= start && !row.zombie && row.pid != me && row.parent != me
    })
}

/// Its parent was the daemon: now it is one who was there before the daemon, to whom orphans come. That one may have been
/// started within the same tick, and is no other daemon of the same session, whose children may have the same names.
fn is_child(row: &Row, marked: &(String, String), header: &Header) -> bool {
    let Some(parent) = process::row(row.parent) else { return true };
    let is_older = parent.start < header.start
        || (parent.start == header.start && marker(parent.pid).is_none_or(|other| other != *marked));
    is_older && (process::ancestors(std::process::id()).contains(&parent.pid) || !is_daemon(parent.pid))
}

/// By its name or its file it is what this process is.
fn is_daemon(pid: u32) -> bool {
    let name = |process: &str| fs::read_to_string(format!("/proc/{process}/comm")).ok();
    runs_this_file(pid) || (name("self").is_some() && name(&pid.to_string()) == name("self"))
}

fn runs_this_file(pid: u32) -> bool {
    let identity = |path: &str| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let own = identity("/proc/self/exe");
    own.is_some() && identity(&format!("/proc/{pid}/exe")) == own
}

/// What was forked just before the daemon died may not be its program yet, and then shows nothing that tells which it is.
fn wait_for_programs(header: &Header) {
    let deadline = clock::now().after(BECOMING);
    while children_of_dead(header).any(|row| is_becoming(&row)) && clock::now() < deadline {
        std::thread::sleep(LOOK);
    }
}

/// It runs this very file and has no thread besides: a daemon has several.
fn is_becoming(row: &Row) -> bool {
    runs_this_file(row.pid) && fs::read_dir(format!("/proc/{}/task", row.pid)).is_ok_and(|threads| threads.count() == 1)
}

/// The group and name that a child was told.
fn marker(pid: u32) -> Option<(String, String)> {
    Some((process::variable(pid, "SUPERVISOR_GROUP_NAME")?, process::variable(pid, "SUPERVISOR_PROCESS_NAME")?))
}

/// It was told of another daemon, which may have died as well and may have had programs of the same names.
fn is_of_another(row: &Row, group: &str, name: &str, written: &Written, config: &Config) -> bool {
    // A daemon that has no address, or a state file of an earlier form, says nothing.
    let Some((told, url)) = process::variable(row.pid, control::URL).zip(written.header.url.as_deref()) else {
        return false;
    };
    let groups = written.groups.iter().map(|group| &group.config).chain(&config.groups);
    let programs = groups.filter(|found| found.name == group).flat_map(|group| &group.processes);
    let mut urls =
        programs.filter(|program| program.name == name).filter_map(|program| control::url_of(program, Some(url)));
    told != url && urls.all(|url| url != told)
}

/// Where a program stands among the groups: which group, and which process of it.
type Place = (usize, usize);

fn place_in(groups: &[GroupState], group: &str, name: &str) -> Option<Place> {
    let place = groups.iter().position(|found| found.config.name == group)?;
    let process = groups.get(place)?.config.processes.iter().position(|process| process.name == name)?;
    Some((place, process))
}

/// If the program is not written down, its group is taken from the configuration.
fn place_of(
    written: &mut Written,
    config: &Config,
    group: &str,
    name: &str,
    make_logs: &dyn Fn(&GroupConfig) -> Vec<AutoLog>,
) -> Option<Place> {
    if let Some(place) = place_in(&written.groups, group, name) {
        return Some(place);
    }
    let now = config.groups.iter().find(|now| now.name == group)?;
    now.processes.iter().position(|process| process.name == name)?;
    let numbers = written.groups.iter().flat_map(|group| &group.processes).map(|process| process.id.0);
    let first = numbers.chain(written.kept.keys().map(|id| id.0)).max().map_or(0, |last| last.saturating_add(1));
    let fresh = GroupState::fresh(Arc::clone(now), make_logs(now), first);
    match written.groups.iter().position(|found| found.config.name == group) {
        Some(old) => {
            let old = written.groups.get_mut(old)?;
            let fresh =
                carry_over(old, fresh, |id| written.kept.get(&id).is_some_and(|one| orphan::find(one).is_some()))?;
            *old = fresh;
        }
        None => written.groups.push(fresh),
    }
    place_in(&written.groups, group, name)
}

/// The group was changed, which is not written down: what is known of its programs by name goes on. `None` if one that
/// lives is not in it any more.
fn carry_over(old: &GroupState, mut fresh: GroupState, lives: impl Fn(ProcessId) -> bool) -> Option<GroupState> {
    for (state, config) in old.processes.iter().zip(&old.config.processes) {
        let place = fresh.config.processes.iter().position(|process| process.name == config.name);
        match place.and_then(|place| fresh.processes.get_mut(place)) {
            Some(slot) if is_pool(&old.config) == is_pool(&fresh.config) => *slot = state.clone(),
            Some(_) => {}
            None if lives(state.id) => return None,
            None => {}
        }
    }
    Some(fresh)
}

/// It does not run, and is not about to.
fn rests(state: &State) -> bool {
    matches!(state, State::Stopped | State::Fatal | State::Exited { again: None })
}

/// The child is that of this program, unless another one is that, or it is older than the program's last end.
fn take(written: &mut Written, (group, process): Place, row: &Row, said: &mut Vec<Said>) {
    let Some(group) = written.groups.get_mut(group) else { return };
    let Some((state, config)) = group.processes.get_mut(process).zip(group.config.processes.get(process)) else {
        return;
    };
    if written.kept.get(&state.id).is_some_and(|kept| orphan::find(kept).is_some()) {
        return;
    }
    let (at, now) = (row.started_at(), clock::now());
    let ago = i64::try_from(now.since(at).as_nanos()).unwrap_or(i64::MAX);
    let wall = WallTime(clock::wall().0.saturating_sub(ago));
    if rests(&state.state) && wall.0.saturating_add(PRECISION) < state.stopped.0 {
        let (pid, name) = (row.pid, &config.name);
        let text = format!("pid {pid} was left behind by '{name}', which ended after it had begun: it is left alone");
        said.push((Level::Warn, text));
        return;
    }
    state.started = Some(Started { at, wall });
    let up_at = Moment(at.after_secs(config.startsecs).0.saturating_add(1));
    state.state = State::Starting { child: Child { pid: row.pid, gone: None }, up_at };
    written.kept.insert(state.id, Kept { pid: row.pid, start: row.start, pipes: pipes_of(row.pid) });
}

/// A program may have put a file in a pipe's place.
fn pipes_of(pid: u32) -> [Option<u64>; 3] {
    [0, 1, 2].map(|fd| {
        let found = fs::metadata(format!("/proc/{pid}/fd/{fd}")).ok()?;
        (found.file_type().is_fifo() || found.file_type().is_socket()).then(|| found.ino())
    })
}
