//! Finding all descendants of a program and signalling them: an errand, since it reads /proc, which takes long on a large
//! machine.
//!
//! Who belongs to a program follows from its control group where it has one; else from parents, session and process group,
//! from what was seen before, and for orphans from the names in their environment. Deliberately absent: what follows from
//! it, and the program itself, which control alone may signal (it knows whether the number is still the program's).

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::time::Duration;

use engine::ProcessId;
use model::Signal;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sys::process::{self, Row};
use sys::{cgroup, signals};

use super::tree::Tree;

/// Walks of one SIGKILL: each finds what was forked during the one before.
const ROUNDS: usize = 32;
/// Before another walk where the end of no descendant can be watched.
const PAUSE: Duration = Duration::from_millis(100);

/// What is to be done with the descendants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// See who lives.
    Look,
    /// Send them a signal. SIGKILL is sent until no new one is found.
    Send(Signal),
}

/// An errand.
#[derive(Debug)]
pub struct Walk {
    /// Whose descendants.
    pub process: ProcessId,
    /// What about them.
    pub task: Task,
    /// What is known of them.
    pub tree: Tree,
}

/// What it brings home.
#[derive(Debug)]
pub struct Walked {
    /// Whose descendants.
    pub process: ProcessId,
    /// What was done.
    pub task: Task,
    /// What is known now.
    pub tree: Tree,
    /// Those that live, or were sent SIGKILL.
    pub members: Vec<u32>,
    /// Nothing is left but the program itself, unless that has ended too.
    pub gone: bool,
    /// Of one that lives: readable at its end. There is none while the program itself lives.
    pub watch: Option<OwnedFd>,
}

impl Walk {
    /// Does it.
    pub fn go(self) -> Walked {
        let Self { process, task, mut tree } = self;
        let mut killed = Vec::new();
        match task {
            Task::Look => {}
            Task::Send(Signal::KILL) => killed = tree.fell(),
            Task::Send(signal) => tree.members().into_iter().for_each(|(pid, start)| send(pid, start, signal)),
        }
        let living = tree.members();
        let gone = living.is_empty() && !tree.is_populated();
        let mut watch = None;
        if tree.ended.is_some() && !gone {
            watch = living.iter().find_map(|&(pid, start)| open(pid, start).ok());
            if watch.is_none() {
                std::thread::sleep(PAUSE);
            }
        } else if gone && tree.ended.is_some() {
            tree.remove_group();
        }
        let members = if killed.is_empty() { living.into_iter().map(|(pid, _)| pid).collect() } else { killed };
        Walked { process, task, tree, members, gone, watch }
    }
}

/// The process of this number and start.
fn open(pid: u32, start: u64) -> Result<OwnedFd, Errno> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let pidfd = pidfd_open(number, PidfdFlags::empty())?;
    // The number might have been given anew before it was opened.
    process::row(pid).filter(|row| row.start == start && !row.zombie).map(|_| pidfd).ok_or(Errno::SRCH)
}

fn send(pid: u32, start: u64, signal: Signal) {
    let _ = match open(pid, start) {
        Ok(pidfd) => signals::send_by(pidfd, signal),
        Err(Errno::SRCH | Errno::INVAL) => Ok(()),
        // Without a descriptor: the number was right a moment ago.
        Err(_) => signals::send(pid, signal, false),
    };
}

impl Tree {
    /// SIGKILL to all descendants. They are stopped first, so that none forks while the others are killed: those that are
    /// killed make room, at a limit of processes, for children of those that are not.
    fn fell(&mut self) -> Vec<u32> {
        let mut killed: HashMap<u32, u64> = HashMap::new();
        if let Some(group) = self.group.clone() {
            let members = self.members();
            // The program itself is in it too.
            if cgroup::kill(&group).is_ok() {
                return members.into_iter().map(|(pid, _)| pid).collect();
            }
        }
        for _ in 0..ROUNDS {
            let mut fresh = self.members();
            fresh.retain(|(pid, _)| !killed.contains_key(pid));
            if fresh.is_empty() {
                break;
            }
            for (pid, start) in fresh {
                send(pid, start, Signal::STOP);
                killed.insert(pid, start);
            }
        }
        for (&pid, &start) in &killed {
            send(pid, start, Signal::KILL);
        }
        killed.into_keys().collect()
    }

    /// The living descendants with their start.
    fn members(&mut self) -> Vec<(u32, u64)> {
        let in_group = self.group.as_deref().map(cgroup::members);
        if let Some(Ok(pids)) = in_group {
            let rows = pids.into_iter().filter(|&pid| pid != self.pid || self.ended.is_some());
            return rows.filter_map(process::row).filter(|row| !row.zombie).map(|row| (row.pid, row.start)).collect();
        }
        self.find(&process::table());
        self.seen.iter().map(|(&pid, &start)| (pid, start)).collect()
    }

    fn is_populated(&self) -> bool {
        self.ended.is_some() && self.group.as_deref().is_some_and(|group| cgroup::is_populated(group).unwrap_or(false))
    }

    fn remove_group(&self) {
        if let Some(group) = &self.group {
            cgroup::remove(group);
        }
    }

    /// Adds to `seen` who is found in the table, and takes away who is not there any more.
    fn find(&mut self, table: &[Row]) {
        let living: HashMap<u32, u64> =
            table.iter().filter(|row| !row.zombie).map(|row| (row.pid, row.start)).collect();
        self.seen.retain(|pid, start| living.get(pid) == Some(start));
        let mut roots: HashSet<u32> = self.seen.keys().copied().collect();
        if self.ended.is_none() {
            roots.insert(self.pid);
        }
        let orphans =
            table.iter().filter(|row| self.reapers.contains(&row.parent) && !row.zombie && row.pid != self.pid);
        roots.extend(orphans.filter(|row| self.is_ours(row)).map(|row| row.pid));
        let below = roots.iter().flat_map(|root| process::descendants(*root, table)).collect::<Vec<_>>();
        for pid in roots.into_iter().chain(below).filter(|pid| *pid != self.pid) {
            if let Some(start) = living.get(&pid) {
                self.seen.insert(pid, *start);
            }
        }
    }

    /// An orphan's session and group keep the number of the program, unless it left them; then its environment speaks.
    fn is_ours(&self, row: &Row) -> bool {
        row.session == self.pid || row.group == self.pid || {
            let environment = std::fs::read(format!("/proc/{}/environ", row.pid)).unwrap_or_default();
            let has = |mark: &Vec<u8>| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_slice());
            self.marks.as_ref().is_some_and(|marks| marks.iter().all(has))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: u32, parent: u32, group: u32) -> Row {
        Row { pid, parent, group, session: group, start: u64::from(pid) + 1000, zombie: false }
    }

    fn found(tree: &mut Tree, table: &[Row]) -> Vec<u32> {
        tree.find(table);
        let mut pids: Vec<u32> = tree.seen.keys().copied().collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn descendants_are_known_by_parents_by_group_and_from_before() {
        let mut tree = Tree::of(100, "x", "x", vec![50]);
        let table = [row(50, 1, 50), row(100, 50, 100), row(101, 100, 101), row(102, 101, 102), row(60, 50, 60)];
        assert_eq!(found(&mut tree, &table), [101, 102], "neither the program, nor the daemon, nor another program");
        // Their parents have gone: they are known from before; one that nobody has seen, by its group.
        let table = [row(50, 1, 50), row(100, 50, 100), row(102, 50, 102), row(103, 50, 100)];
        assert_eq!(found(&mut tree, &table), [102, 103]);
        tree.ended = Some(model::ExitStatus::Exited(0));
        assert_eq!(found(&mut tree, &[row(50, 1, 50), row(102, 50, 102)]), [102]);
        let other = Row { start: 7, ..row(102, 50, 102) };
        assert_eq!(found(&mut tree, &[row(50, 1, 50), other]), [] as [u32; 0], "the number was given anew");
    }

    #[test]
    fn orphans_of_an_adopted_program_are_looked_for_below_the_reaper_that_it_has() {
        let table = [row(1, 0, 1), row(50, 1, 50), row(100, 1, 100), row(101, 1, 100), row(102, 60, 100)];
        assert_eq!(found(&mut Tree::of(100, "x", "x", vec![50, 1]), &table), [101]);
        assert_eq!(found(&mut Tree::of(100, "x", "x", vec![50]), &table), [] as [u32; 0]);
    }

    #[test]
    fn members_of_a_group_need_no_walk_and_without_its_folder_the_walk_serves() {
        let base = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut tree = Tree::of(4_194_305, "x", "x", vec![]);
        std::fs::write(base.path().join("cgroup.procs"), format!("4194305\n{}\n", child.id())).unwrap();
        tree.group = Some(base.path().to_path_buf());
        let members: Vec<u32> = tree.members().into_iter().map(|(pid, _)| pid).collect();
        assert_eq!(members, [child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(tree.members(), []);
    }
}
