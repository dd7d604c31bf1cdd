//! Programs that an earlier daemon started: their pipes go to the plane, their end is heard of by pidfd, and what changes
//! is noted for a successor.
//!
//! Deliberately absent: who is adopted (that is `survive`).

use engine::handover::Change;
use engine::{Engine, Input, ProcessId, SpawnOrder};
use model::{Channel, ExitStatus, Level};
use rustix::io::Errno;
use sys::poll::Interest;
use sys::{process, signals, wait};

use super::children::{self, Child, Watched};
use super::spawning;
use super::stdin::Stdin;
use super::world::World;
use crate::plane::{Order, Recovery};
use crate::survive::{Legacy, Orphan, Record};

impl World {
    /// Goes on with what an earlier daemon left.
    pub fn adopt(&mut self, orphans: Vec<Orphan>, ended: Vec<ProcessId>) {
        for orphan in orphans {
            self.adopt_one(orphan);
        }
        for process in ended {
            self.inputs.push_back(Input::Reaped { process, status: ExitStatus::Unknown });
        }
    }

    /// Has what an earlier daemon had in hand of this channel logged. To be called before anything is adopted.
    pub fn recover(&self, order: &SpawnOrder, channel: Channel, adopted: bool) {
        let [out, err] = spawning::channels(order);
        let found = [out, err].into_iter().flatten().find(|one| one.channel == channel);
        if let Some(found) = found {
            let (process, name) = (order.process, order.config.name.as_str().into());
            self.plane.orders.send(Order::Recover(Box::new(Recovery { process, name, order: found, adopted })));
        }
    }

    fn adopt_one(&mut self, orphan: Orphan) {
        let process = orphan.process();
        let Orphan { order, kept, pidfd, stdin, output, socket } = orphan;
        if let Err(error) = self.poll.add(&pidfd, children::token(process, Watched::End), Interest::Read) {
            self.log(Level::Critical, format!("cannot see the end of '{}': {error}", order.config.name));
        }
        if let Some((config, socket)) = order.socket.clone().zip(socket) {
            self.sockets.adopt(&order.group, config, socket);
        }
        self.replant_tree(&order, kept.pid);
        let stdin = Stdin::new(stdin, children::token(process, Watched::Stdin));
        let child = Child { pid: kept.pid, kept, end: Some(pidfd), stdin, said: None, copied: false };
        self.children.insert(process, child);
        let name = order.config.name.as_str().into();
        self.plane.orders.send(Order::Open { process, name, channels: spawning::channels(&order) });
        self.plane.orders.send(Order::Attach { process, pid: kept.pid, pipes: output });
        self.adopted.insert(process, order);
    }

    /// The sinks of an adopted program are open, or not: then its output is thrown away rather than that it stands still.
    pub(super) fn adopted_opened(&mut self, process: ProcessId, result: Result<(), String>) -> bool {
        let Some(order) = self.adopted.remove(&process) else { return false };
        if let (Err(errno), Some(child)) = (result, self.children.get_mut(process)) {
            let (kept, name) = (child.kept, order.config.name.clone());
            self.log(Level::Error, format!("cannot open the logs of '{name}', its output is lost: {errno}"));
            let (mut order, pidfd) = (order, rustix::process::Pid::from_raw(kept.pid.cast_signed()));
            order.logs = [None, None];
            order.socket = None;
            let pidfd =
                pidfd.and_then(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok());
            let Some(pidfd) = pidfd else { return true };
            let name = order.config.name.as_str().into();
            self.plane.orders.send(Order::Open { process, name, channels: spawning::channels(&order) });
            let (again, _) = Orphan::open(order, kept, pidfd);
            self.plane.orders.send(Order::Attach { process, pid: kept.pid, pipes: again.output });
        }
        true
    }

    /// An adopted program has ended.
    pub(super) fn ended(&mut self, process: ProcessId) {
        // As PID 1 or a subreaper we are its parent.
        self.reap();
        let Some(child) = self.children.get_mut(process) else { return };
        let Some(pidfd) = child.end.take() else { return };
        let _ = self.poll.remove(&pidfd);
        let pid = child.pid;
        if self.children.reaped(pid).is_none() {
            return;
        }
        // Its parent may not have reaped it yet: then the one place knows, after it the other.
        let mut status = wait::exit_status_of(&pidfd);
        if status == ExitStatus::Unknown {
            status = process::status_of_zombie(pid);
        }
        if status == ExitStatus::Unknown {
            status = wait::exit_status_of(&pidfd);
        }
        if !self.outlived(process, status) {
            self.inputs.push_back(Input::Reaped { process, status });
        }
    }

    /// Through its pidfd a signal cannot hit another process that was given its number.
    pub(super) fn signal_adopted(&mut self, process: ProcessId, signal: model::Signal) -> Option<std::io::Result<()>> {
        let pidfd = self.children.get_mut(process)?.end.as_ref()?;
        Some(signals::send_by(pidfd, signal).or_else(|error| match error.raw_os_error() {
            Some(number) if number == Errno::SRCH.raw_os_error() => Ok(()),
            _ => Err(error),
        }))
    }

    /// Has what changed noted for a successor.
    pub(super) fn note(&mut self, engine: &mut Engine) {
        let records = self.records(engine);
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !records.is_empty()) {
            keeper.put(records);
        }
    }

    /// The same, before the first child: a successor must know whose children they are, whatever is noted of them later.
    pub fn note_first(&mut self, engine: &mut Engine) {
        let records = self.records(engine);
        if let Some(keeper) = &self.keeper {
            keeper.begin(records);
        }
    }

    fn records(&mut self, engine: &mut Engine) -> Vec<Record> {
        let changes = engine.take_changes();
        let next_serial = engine.next_serial();
        let mut kept = |change: &Change| match change {
            Change::Process(state) => self.children.get_mut(state.id).map(|child| child.kept),
            Change::Group { .. } | Change::Removed { .. } => None,
        };
        let with_kept = |(kept, change)| Record { change, kept, next_serial };
        changes.into_iter().map(|change| (kept(&change), change)).map(with_kept).collect()
    }
}

/// An engine that goes on with the legacy, and what the world must do.
///
/// # Errors
/// The state is not accepted.
pub fn restore(
    legacy: Legacy,
    config: std::sync::Arc<config::Config>,
) -> Result<(Engine, Vec<Orphan>, Vec<ProcessId>), engine::HandoverError> {
    let Legacy { handover, orphans, ended } = legacy;
    Ok((Engine::restore(handover, config, super::local())?, orphans, ended))
}
