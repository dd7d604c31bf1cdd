//! `killmode=tree`: a stop reaches all descendants of a program, and it has ended only when the last of them is gone.
//!
//! The daemon is their subreaper, so orphans come to it and their ends are told by SIGCHLD: nothing polls. Who belongs to
//! a program follows from parents, session and process group, from what was seen before, and for orphans from the names in
//! their environment. Deliberately absent: when to insist (the engine has `stopwaitsecs`).

use std::collections::{HashMap, HashSet};

use config::KillMode;
use engine::{Input, ProcessId, SpawnOrder};
use model::{ExitStatus, Level, Signal};
use sys::process::{self, Row};
use sys::signals;

use super::world::World;

/// Walks of one SIGKILL: each finds what was forked during the one before.
const ROUNDS: usize = 8;
/// Process ids that a line names.
const NAMED: usize = 16;

/// A program whose descendants are counted in.
#[derive(Debug)]
pub struct Tree {
    pid: u32,
    name: String,
    /// Entries of an environment by which an orphan is known.
    marks: [Vec<u8>; 2],
    /// Descendants that were seen, by process id, with their start.
    seen: HashMap<u32, u64>,
    /// A stop is under way.
    stopping: bool,
    /// The program itself is gone; its end is told after that of the last descendant.
    ended: Option<ExitStatus>,
}

impl Tree {
    fn new(order: &SpawnOrder, pid: u32) -> Self {
        let name = &order.config.name;
        let marks = [format!("SUPERVISOR_PROCESS_NAME={name}"), format!("SUPERVISOR_GROUP_NAME={}", order.group)];
        let marks = marks.map(String::into_bytes);
        Self { pid, name: name.clone(), marks, seen: HashMap::new(), stopping: false, ended: None }
    }

    /// The living descendants. `is_child` tells of programs of ours: those are never somebody's orphans.
    fn members(&mut self, table: &[Row], is_child: impl Fn(u32) -> bool) -> Vec<u32> {
        let me = std::process::id();
        let living: HashMap<u32, u64> =
            table.iter().filter(|row| !row.zombie).map(|row| (row.pid, row.start)).collect();
        self.seen.retain(|pid, start| living.get(pid) == Some(start));
        let mut roots: HashSet<u32> = self.seen.keys().copied().collect();
        if self.ended.is_none() {
            roots.insert(self.pid);
        }
        let orphans = table.iter().filter(|row| row.parent == me && !row.zombie && row.pid != self.pid);
        roots.extend(orphans.filter(|row| !is_child(row.pid) && self.is_ours(row)).map(|row| row.pid));
        let below = roots.iter().flat_map(|root| process::descendants(*root, table)).collect::<Vec<_>>();
        for pid in roots.into_iter().chain(below).filter(|pid| *pid != self.pid && !is_child(*pid)) {
            if let Some(start) = living.get(&pid) {
                self.seen.insert(pid, *start);
            }
        }
        self.seen.keys().copied().collect()
    }

    /// An orphan's session and group keep the number of the program, unless it left them; then its environment speaks.
    fn is_ours(&self, row: &Row) -> bool {
        row.session == self.pid || row.group == self.pid || {
            let environment = std::fs::read(format!("/proc/{}/environ", row.pid)).unwrap_or_default();
            self.marks.iter().all(|mark| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_slice()))
        }
    }
}

impl World {
    /// Before the first such program is started: its orphans shall come to us.
    pub(super) fn prepare_tree(&mut self, order: &SpawnOrder) {
        if order.config.killmode != KillMode::Tree {
            return;
        }
        let me = rustix::process::getpid();
        if let Err(error) = rustix::process::set_child_subreaper(Some(me)) {
            self.log(Level::Warn, format!("orphans of '{}' may escape its stop: {error}", order.config.name));
        }
    }

    /// Such a program was started.
    pub(super) fn plant_tree(&mut self, order: &SpawnOrder, pid: u32) {
        if order.config.killmode == KillMode::Tree {
            self.trees.insert(order.process, Tree::new(order, pid));
        }
    }

    /// Sends a signal to such a program, and if it is meant for all, to its descendants. False for other programs.
    pub(super) fn signal_tree(&mut self, process: ProcessId, signal: Signal, to_all: bool) -> bool {
        let Some(tree) = self.trees.get_mut(&process).filter(|tree| to_all || tree.ended.is_some()) else {
            return false;
        };
        if !to_all {
            return true;
        }
        tree.stopping = true;
        // Descendants first: once the program is gone they are harder to find.
        let members = tree.members(&process::table(), |pid| self.children.knows(pid));
        if tree.ended.is_none() {
            let _ = signals::send(tree.pid, signal, false);
        }
        for pid in members {
            let _ = signals::send(pid, signal, false);
        }
        if signal == Signal::KILL {
            self.fell(process);
        }
        true
    }

    /// SIGKILL to all descendants, until a walk finds no new one.
    fn fell(&mut self, process: ProcessId) -> Vec<u32> {
        let Some(tree) = self.trees.get_mut(&process) else { return Vec::new() };
        let mut killed = Vec::new();
        for _ in 0..ROUNDS {
            let mut members = tree.members(&process::table(), |pid| self.children.knows(pid));
            members.retain(|pid| !killed.contains(pid));
            if members.is_empty() {
                break;
            }
            for pid in members {
                let _ = signals::send(pid, Signal::KILL, false);
                killed.push(pid);
            }
        }
        killed
    }

    /// The program has ended. True if descendants live on: its end is told later.
    pub(super) fn outlived(&mut self, process: ProcessId, status: ExitStatus) -> bool {
        let Some(tree) = self.trees.get_mut(&process) else { return false };
        tree.ended = Some(status);
        let (name, stopping) = (tree.name.clone(), tree.stopping);
        let members =
            if stopping { tree.members(&process::table(), |pid| self.children.knows(pid)) } else { self.fell(process) };
        if !members.is_empty() {
            let pids: Vec<String> = members.iter().take(NAMED).map(ToString::to_string).collect();
            let what = if stopping { "waiting for them" } else { "killed" };
            let (count, pids) = (members.len(), pids.join(", "));
            self.log(Level::Warn, format!("'{name}' left {count} processes behind (pid {pids}), {what}"));
        }
        true
    }

    /// Tells the end of programs whose last descendant is gone.
    pub(super) fn finish_trees(&mut self) {
        if self.trees.values().all(|tree| tree.ended.is_none()) {
            return;
        }
        let table = process::table();
        let children = &self.children;
        let inputs = &mut self.inputs;
        self.trees.retain(|process, tree| {
            let Some(status) = tree.ended else { return true };
            let alive = !tree.members(&table, |pid| children.knows(pid)).is_empty();
            if !alive {
                inputs.push_back(Input::Reaped { process: *process, status });
            }
            alive
        });
    }
}
