//! The kernel's part of the machine: children and what they fork, signals, and ends that are told a little later.

use engine::{Input, ProcessId, SpawnOrder};
use model::{ExitStatus, Signal};

use crate::actors::Temper;
use crate::machine::{Happening, Machine};
use crate::sabotage::Sabotage;

/// A living child.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) process: ProcessId,
    /// What its environment says: its group and its name.
    pub(crate) names: (String, String),
    pub(crate) listener: bool,
    pub(crate) temper: Temper,
    pub(crate) kill: config::KillMode,
    /// A signal to end has reached it.
    pub(crate) doomed: bool,
}

/// A descendant of a child.
#[derive(Clone, Debug)]
pub(crate) struct Kin {
    /// The child it comes from, which may be gone.
    pub(crate) root: u32,
    /// It has not left the process group.
    in_group: bool,
    /// It ignores all signals but SIGKILL.
    stubborn: bool,
    /// Its root has `killmode=tree`.
    pub(crate) counted: bool,
}

impl Machine {
    /// A child comes to be.
    pub(crate) fn fork(&mut self, order: &SpawnOrder) -> u32 {
        let pid = self.next_pid();
        let temper = if self.calm { Temper::Steady } else { Temper::any(&mut self.rng) };
        let names = (order.group.clone(), order.config.name.clone());
        let (process, listener, kill) = (order.process, order.listener, order.config.killmode);
        if order.config.startsecs <= 0 {
            self.quick.insert(process);
        } else {
            self.quick.remove(&process);
        }
        self.children.insert(pid, Child { process, names, listener, temper, kill, doomed: false });
        self.later(300, Happening::Acts(pid));
        pid
    }

    /// A child that nobody ordered.
    pub(crate) const fn a_stray(&self) -> Child {
        let names = (String::new(), String::new());
        let (process, kill) = (ProcessId(u32::MAX), config::KillMode::Process);
        Child { process, names, listener: false, temper: Temper::Steady, kill, doomed: false }
    }

    /// A child forks, and perhaps what it forked leaves the process group or ignores signals.
    pub(crate) fn fork_kin(&mut self, root: u32) {
        let Some(child) = self.children.get(&root).filter(|child| !child.doomed) else { return };
        let counted = child.kill == config::KillMode::Tree;
        let pid = self.next_pid();
        let (in_group, stubborn) = (!self.rng.one_in(3), self.rng.one_in(4));
        self.note(|| format!("  pid {root} forks {pid}"));
        self.kin.insert(pid, Kin { root, in_group, stubborn, counted });
        self.report.forks += 1;
        self.later(30_000, Happening::KinDies(pid));
    }

    /// A signal is sent, to one process or to those that belong to it.
    pub(crate) fn signalled(&mut self, process: ProcessId, pid: u32, signal: Signal, to_group: bool) {
        let to_group = to_group && !self.is(Sabotage::LoneSignal);
        self.signal_is_due(process, pid, signal, to_group);
        if let Some(child) = self.children.get(&pid) {
            if child.process != process {
                return self.fail(format!("pid {pid} is not of process {}", process.0));
            }
            if !self.calm && self.rng.one_in(200) {
                self.lost.insert(pid);
                return self.at(self.now, Happening::Tell(Input::SignalFailed { process, error: "EPERM".into() }));
            }
        }
        if to_group {
            self.stopping.insert(pid);
            self.hit_kin(pid, signal);
        }
        self.hit(pid, signal);
    }

    fn hit(&mut self, pid: u32, signal: Signal) {
        let Some(child) = self.children.get_mut(&pid) else { return };
        let temper = child.temper;
        let status = ExitStatus::Signaled { signal, core: false };
        let ends = matches!(signal, Signal::KILL | Signal::TERM | Signal::INT);
        child.doomed |= ends;
        match (signal, temper) {
            (Signal::KILL, _) if self.is(Sabotage::NoKill) => {}
            (Signal::KILL, _) => self.later(10, Happening::Dies(pid, status)),
            (_, Temper::Stubborn) => {}
            (_, Temper::Slow) if ends => self.later(5000, Happening::Dies(pid, status)),
            _ if ends => self.later(50, Happening::Dies(pid, status)),
            _ => {}
        }
    }

    /// All descendants with `killmode=tree`, else those that stayed in the process group.
    fn hit_kin(&mut self, root: u32, signal: Signal) {
        let hit = |kin: &Kin| kin.root == root && (kin.counted || kin.in_group);
        let ends = |kin: &Kin| signal == Signal::KILL || !kin.stubborn;
        let pids: Vec<u32> = self.kin.iter().filter(|(_, kin)| hit(kin) && ends(kin)).map(|(pid, _)| *pid).collect();
        for pid in pids {
            self.later(40, Happening::KinDies(pid));
        }
    }

    /// A child is no more. The engine hears of it a little later, with `killmode=tree` after the last descendant.
    pub(crate) fn dies(&mut self, pid: u32, status: ExitStatus) {
        let Some(child) = self.children.remove(&pid) else { return };
        self.note(|| format!("  pid {pid} ends: {}", status.describe()));
        self.dead.insert(pid, child.process);
        if self.is(Sabotage::SilentDeath) {
            return;
        }
        let waits = child.kill == config::KillMode::Tree && !self.is(Sabotage::ShortTree);
        if waits && self.kin.values().any(|kin| kin.root == pid) {
            self.outlived.insert(pid, (child.process, status));
            // What a program leaves behind when it ends by itself is killed at once.
            if !self.stopping.contains(&pid) {
                self.hit_kin(pid, Signal::KILL);
            }
            return;
        }
        self.tell_end(pid, child.process, status);
    }

    /// A descendant is no more.
    pub(crate) fn kin_dies(&mut self, pid: u32) {
        let Some(kin) = self.kin.remove(&pid) else { return };
        if self.kin.values().any(|other| other.root == kin.root) {
            return;
        }
        if let Some((process, status)) = self.outlived.remove(&kin.root) {
            self.tell_end(kin.root, process, status);
        }
    }

    fn tell_end(&mut self, pid: u32, process: ProcessId, status: ExitStatus) {
        self.stopping.remove(&pid);
        self.untold.insert(pid);
        self.later(3, Happening::Tell(Input::Reaped { process, status }));
    }
}
