//! `killmode=tree` and `killmode=cgroup`: a stop reaches all descendants of a program, and it has ended only when the last
//! of them is gone.
//!
//! Descendants are found and signalled by an errand (`walk`). The end of one that lives is watched, since the program has
//! not ended before it; then the next is looked for. Deliberately absent: when to insist (the engine has `stopwaitsecs`).

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use config::{KillMode, ProcessConfig};
use engine::{Input, ProcessId, SpawnOrder};
use model::{ExitStatus, Level, Signal};
use serde::{Deserialize, Serialize};
use sys::poll::Interest;
use sys::{cgroup, process};

use super::children::{self, Watched};
use super::errands::Errands;
use super::office::Errand;
use super::walk::{Task, Walk, Walked};
use super::world::World;

/// Process ids that a line names.
const NAMED: usize = 16;

/// What is known of a program whose descendants are counted in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tree {
    pub(super) pid: u32,
    name: String,
    /// Entries of an environment by which an orphan is known; none if the daemon itself has them.
    pub(super) marks: Option<Vec<Vec<u8>>>,
    /// To whom its orphans come.
    pub(super) reapers: Vec<u32>,
    /// Its control group.
    pub(crate) group: Option<PathBuf>,
    /// Descendants that were seen, by process id, with their start.
    pub(super) seen: HashMap<u32, u64>,
    /// A stop is under way.
    stopping: bool,
    /// Whoever is found gets SIGKILL.
    killing: bool,
    /// The program itself is gone; its end is told after that of the last descendant.
    pub(crate) ended: Option<ExitStatus>,
}

impl Tree {
    /// Of a program with this process id.
    pub(crate) fn of(pid: u32, group: &str, name: &str, reapers: Vec<u32>) -> Self {
        let marks = [("SUPERVISOR_PROCESS_NAME", name), ("SUPERVISOR_GROUP_NAME", group)];
        // A daemon may be a program of another one, with the same names; then what it has forked and what has not become a
        // program yet has them too.
        let own = marks.iter().all(|(variable, value)| std::env::var_os(variable).is_some_and(|own| own == *value));
        Self {
            pid,
            name: name.into(),
            marks: (!own).then(|| marks.map(|(variable, value)| mark(variable, value)).into()),
            reapers,
            group: None,
            seen: HashMap::new(),
            stopping: false,
            killing: false,
            ended: None,
        }
    }

    /// The daemon of such a program has this address: programs of other daemons may have the same names.
    pub(crate) fn of_daemon(mut self, url: Option<&str>) -> Self {
        if let (Some(marks), Some(url)) = (&mut self.marks, url) {
            marks.push(mark(URL, url));
        }
        self
    }
}

fn mark(variable: &str, value: &str) -> Vec<u8> {
    format!("{variable}={value}").into_bytes()
}

/// The variable that tells a program where its daemon is.
pub const URL: &str = "SUPERVISOR_SERVER_URL";

/// Its value for a program of a daemon with this address.
pub fn url_of(config: &ProcessConfig, daemon: Option<&str>) -> Option<String> {
    let own = config.environment.iter().rev().find(|(name, _)| name == URL).map(|(_, value)| value.clone());
    own.or_else(|| config.serverurl.clone()).or_else(|| daemon.map(Into::into))
}

/// Programs with trees, and the walks under way.
#[derive(Debug, Default)]
pub struct Trees {
    /// The address that programs are told.
    url: Option<String>,
    trees: HashMap<ProcessId, Tree>,
    walks: HashMap<ProcessId, Steps>,
    /// Why there are no control groups, as it was told last.
    told: Option<String>,
}

/// Walks for one program: one at a time.
#[derive(Debug, Default)]
struct Steps {
    busy: bool,
    next: Option<Task>,
    /// Of a descendant that lives on.
    watch: Option<OwnedFd>,
    /// It was said that descendants are left.
    told: bool,
}

impl Trees {
    /// Of a daemon with this address.
    pub fn of_daemon(url: Option<String>) -> Self {
        Self { url, ..Self::default() }
    }

    /// The walk is made, or after the one that is under way.
    fn walk(&mut self, process: ProcessId, task: Task, errands: &mut Errands) {
        let Some(tree) = self.trees.get(&process) else { return };
        let steps = self.walks.entry(process).or_default();
        steps.watch = None;
        if steps.busy {
            if steps.next.is_none_or(|next| next == Task::Look) || task == Task::Send(Signal::KILL) {
                steps.next = Some(task);
            }
            return;
        }
        steps.busy = true;
        errands.run(Errand::Walk(Box::new(Walk { process, task, tree: tree.clone() })));
    }

    /// Sees again who of a program that has ended is left.
    fn go_on(&mut self, process: ProcessId, errands: &mut Errands) {
        let Some(tree) = self.trees.get(&process) else { return };
        let task = if tree.killing { Task::Send(Signal::KILL) } else { Task::Look };
        self.walk(process, task, errands);
    }

    /// Those that another daemon of this process knew.
    pub fn take_up(&mut self, trees: Vec<(ProcessId, Tree)>) {
        self.trees = trees.into_iter().collect();
    }

    /// To be known to a successor.
    pub fn all(&self) -> impl Iterator<Item = (ProcessId, &Tree)> {
        self.trees.iter().map(|(process, tree)| (*process, tree))
    }
}

fn is_counted(order: &SpawnOrder) -> bool {
    matches!(order.config.killmode, KillMode::Tree | KillMode::Cgroup)
}

impl World {
    /// Before such a program is started: its orphans shall come to us. `group` says why it gets no control group.
    pub(super) fn prepare_tree(&mut self, order: &SpawnOrder, refused: Option<String>) {
        if !is_counted(order) {
            return;
        }
        let name = &order.config.name;
        if let Some(why) = refused.filter(|why| self.trees.told.as_ref() != Some(why)) {
            self.log(
                Level::Warn,
                format!(
                    "no control group for '{name}', killmode=tree is used: {why} (it takes a writable cgroup2: root, \
                     Delegate=yes of systemd, or a container with a writable /sys/fs/cgroup)"
                ),
            );
            self.trees.told = Some(why);
        }
        let me = rustix::process::getpid();
        if let Err(error) = rustix::process::set_child_subreaper(Some(me)) {
            self.log(Level::Warn, format!("orphans of '{name}' may escape its stop: {error}"));
        }
    }

    /// Such a program was started.
    pub(super) fn plant_tree(&mut self, order: &SpawnOrder, pid: u32, group: Option<PathBuf>) {
        if is_counted(order) {
            let tree = Tree::of(pid, &order.group, &order.config.name, vec![std::process::id()]);
            let url = url_of(&order.config, self.trees.url.as_deref());
            let tree = tree.of_daemon(url.as_deref());
            self.trees.walks.remove(&order.process);
            self.trees.trees.insert(order.process, Tree { group, ..tree });
        }
    }

    /// Such a program was adopted: its orphans go on to come to whom they came.
    pub(super) fn replant_tree(&mut self, order: &SpawnOrder, pid: u32) {
        if !is_counted(order) {
            return;
        }
        let group = cgroup::of_program(pid).filter(|_| order.config.killmode == KillMode::Cgroup);
        let reapers = [std::process::id()].into_iter().chain(process::row(pid).map(|row| row.parent)).collect();
        // The daemon that started it may have had another address.
        let url = process::variable(pid, URL);
        let tree = Tree::of(pid, &order.group, &order.config.name, reapers).of_daemon(url.as_deref());
        self.trees.trees.insert(order.process, Tree { group, ..tree });
    }

    /// Sends a signal to such a program, and if it is meant for all, to its descendants. False for other programs.
    pub(super) fn signal_tree(&mut self, process: ProcessId, signal: Signal, to_all: bool) -> bool {
        let Some(tree) = self.trees.trees.get_mut(&process).filter(|tree| to_all || tree.ended.is_some()) else {
            return false;
        };
        if !to_all {
            return true;
        }
        tree.stopping = true;
        tree.killing |= signal == Signal::KILL;
        let (pid, lives) = (tree.pid, tree.ended.is_none());
        let hangs = self.trees.walks.get(&process).is_some_and(|steps| steps.busy);
        self.trees.walk(process, Task::Send(signal), &mut self.errands);
        // Descendants first: once the program is gone they are harder to find. But a walk that does not come home must
        // not save the program.
        if hangs && lives && signal == Signal::KILL {
            self.send_signal(process, pid, signal, true);
        }
        true
    }

    /// The program has ended. True if it is one whose end is told later, when no descendant is left.
    pub(super) fn outlived(&mut self, process: ProcessId, status: ExitStatus) -> bool {
        let Some(tree) = self.trees.trees.get_mut(&process).filter(|tree| tree.ended.is_none()) else { return false };
        tree.ended = Some(status);
        // What a program leaves behind at an end of its own is killed; at a stop it has its time.
        tree.killing |= !tree.stopping;
        self.trees.go_on(process, &mut self.errands);
        true
    }

    /// After a change of the daemon's program: walks for programs that had ended and whose descendants had not.
    pub(super) fn look_after_trees(&mut self) {
        let ended =
            self.trees.all().filter(|(process, tree)| tree.ended.is_some() && !self.trees.walks.contains_key(process));
        let waiting: Vec<ProcessId> = ended.map(|(process, _)| process).collect();
        for process in waiting {
            self.trees.go_on(process, &mut self.errands);
        }
    }

    /// A descendant of a program that has ended has ended too.
    pub(super) fn descendant_ended(&mut self, process: ProcessId) {
        self.trees.go_on(process, &mut self.errands);
    }

    /// A walk has come home.
    pub(super) fn walked(&mut self, walked: Walked) {
        let Walked { process, task, tree: now, members, gone, watch } = walked;
        let Some(tree) = self.trees.trees.get_mut(&process).filter(|tree| tree.pid == now.pid) else { return };
        tree.seen = now.seen;
        let (pid, lives, name) = (tree.pid, tree.ended.is_none(), tree.name.clone());
        let Some(steps) = self.trees.walks.get_mut(&process) else { return };
        steps.busy = false;
        let next = steps.next.take();
        if let Task::Send(signal) = task
            && lives
        {
            self.send_signal(process, pid, signal, false);
        }
        if let Some(next) = next {
            // What it found is out of date: the program may have ended meanwhile.
            return self.trees.walk(process, next, &mut self.errands);
        }
        let Some(status) = now.ended else { return };
        self.tell_left(process, &name, &members);
        if gone {
            self.trees.trees.remove(&process);
            self.trees.walks.remove(&process);
            self.inputs.push_back(Input::Reaped { process, status });
            return;
        }
        let watch = watch.filter(|pidfd| {
            self.poll.add(pidfd, children::token(process, Watched::Descendant), Interest::Read).is_ok()
        });
        match (watch, self.trees.walks.get_mut(&process)) {
            (Some(watch), Some(steps)) => steps.watch = Some(watch),
            // The errand has waited a moment.
            _ => self.trees.go_on(process, &mut self.errands),
        }
    }

    /// Once for each end it is said that descendants live on.
    fn tell_left(&mut self, process: ProcessId, name: &str, members: &[u32]) {
        let killing = self.trees.trees.get(&process).is_some_and(|tree| tree.killing);
        let Some(steps) = self.trees.walks.get_mut(&process) else { return };
        if members.is_empty() || std::mem::replace(&mut steps.told, true) {
            return;
        }
        let pids: Vec<String> = members.iter().take(NAMED).map(ToString::to_string).collect();
        let what = if killing { "killed" } else { "waiting for them" };
        let (count, pids) = (members.len(), pids.join(", "));
        self.log(Level::Warn, format!("'{name}' left {count} processes behind (pid {pids}), {what}"));
    }
}
