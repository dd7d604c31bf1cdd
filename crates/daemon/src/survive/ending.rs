//! Programs of a dead daemon that are not adopted, and what programs that ended without a daemon have left behind: they are
//! ended before anything is started, as their `killmode` says.
//!
//! Here the daemon has not begun, and waits. Deliberately absent: who is to be ended.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use config::{KillMode, ProcessConfig};
use engine::ProcessId;
use model::{ExitStatus, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use sys::{cgroup, clock, process, signals};

use super::record::Kept;
use crate::control::{Task, Tree, Walk};

/// What was killed is gone within this time, unless the kernel itself hangs.
const KILLED: Duration = Duration::from_secs(2);

/// A process id that none has.
const NOBODY: u32 = u32::MAX;

/// Its descendants end with it.
pub fn is_counted(config: &ProcessConfig) -> bool {
    matches!(config.killmode, KillMode::Tree | KillMode::Cgroup)
}

/// Who is to be ended.
#[derive(Debug)]
pub struct Ending {
    /// Which program.
    pub process: ProcessId,
    /// By what its process is known.
    pub kept: Kept,
    /// Its group.
    pub group: String,
    /// How it is to be ended.
    pub config: Arc<ProcessConfig>,
    /// The program itself, if it lives.
    pub pidfd: Option<OwnedFd>,
    /// The address of its daemon.
    pub url: Option<String>,
}

impl Ending {
    /// Its descendants, if they are to be ended with it.
    fn tree(&self) -> Option<Tree> {
        if !is_counted(&self.config) {
            return None;
        }
        // The number of one that is gone may be another's by now, with a session and a group of that number: only the
        // environment speaks then.
        let pid = if self.pidfd.is_some() { self.kept.pid } else { NOBODY };
        // Orphans come to an ancestor of the daemon, which is most likely one of this.
        let mut reapers = process::ancestors(std::process::id());
        reapers.extend(process::row(pid).map(|row| row.parent));
        let mut tree = Tree::of(pid, &self.group, &self.config.name, reapers).of_daemon(self.url.as_deref());
        if self.config.killmode == KillMode::Cgroup {
            let left = || cgroup::left_behind(&cgroup::own().ok()?, &self.group, &self.config.name, self.process.0);
            tree.group = if self.pidfd.is_some() { cgroup::of_program(pid) } else { left() };
        }
        tree.ended = self.is_gone().then_some(ExitStatus::Unknown);
        Some(tree)
    }

    fn is_gone(&self) -> bool {
        let Some(pidfd) = &self.pidfd else { return true };
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// Sends a signal to the descendants and to the program, or to its process group.
    fn send(&self, tree: Option<&mut Tree>, signal: Signal) {
        let counted = tree.is_some();
        if let Some(tree) = tree {
            tree.ended = self.is_gone().then_some(ExitStatus::Unknown);
            walk(tree, Task::Send(signal));
        }
        if let Some(pidfd) = &self.pidfd {
            // Once, unless it is the last one: some programs take a second one for impatience.
            let grouped = !counted && signals::send(self.kept.pid, signal, true).is_ok();
            if !grouped || signal == Signal::KILL {
                let _ = signals::send_by(pidfd, signal);
            }
        }
    }
}

/// Who lives, or was killed.
fn walk(tree: &mut Tree, task: Task) -> Vec<u32> {
    let walked = Walk { process: ProcessId(0), task, tree: tree.clone() }.go();
    *tree = walked.tree;
    walked.members
}

/// Asks them to end, and ends those that do not within `patience` or their `stopwaitsecs`.
pub fn end(all: &[Ending], patience: Duration) {
    let seconds = all.iter().map(|one| u64::try_from(one.config.stopwaitsecs).unwrap_or(0)).max();
    let mut trees: Vec<Option<Tree>> = all.iter().map(Ending::tree).collect();
    for (one, tree) in all.iter().zip(&mut trees) {
        one.send(tree.as_mut(), one.config.stopsignal);
    }
    wait(all, patience.min(Duration::from_secs(seconds.unwrap_or(0))));
    for (one, tree) in all.iter().zip(&mut trees) {
        one.send(tree.as_mut(), Signal::KILL);
    }
    wait(all, KILLED);
    let deadline = clock::now().after(KILLED);
    for (one, tree) in all.iter().zip(&mut trees) {
        let Some(tree) = tree else { continue };
        tree.ended = one.is_gone().then_some(ExitStatus::Unknown);
        // The walk pauses by itself while somebody lives whose end cannot be watched.
        while !walk(tree, Task::Send(Signal::KILL)).is_empty() && clock::now() < deadline {}
    }
}

fn wait(all: &[Ending], patience: Duration) {
    let deadline = clock::now().after(patience);
    let mut left: Vec<&OwnedFd> = all.iter().filter_map(|one| one.pidfd.as_ref()).collect();
    while !left.is_empty() && clock::now() < deadline {
        let mut fds: Vec<PollFd<'_>> = left.iter().map(|fd| PollFd::new(*fd, PollFlags::IN)).collect();
        let rest = deadline.since(clock::now());
        let timeout =
            Timespec { tv_sec: i64::try_from(rest.as_secs()).unwrap_or(0), tv_nsec: rest.subsec_nanos().into() };
        if poll(&mut fds, Some(&timeout)).is_err() {
            continue;
        }
        let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ended = ended.into_iter();
        left.retain(|_| !ended.next().unwrap_or(false));
    }
}
