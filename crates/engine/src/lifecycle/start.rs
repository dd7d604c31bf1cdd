//! From an order to a child to RUNNING.

use model::{Level, Moment};

use crate::action::{Action, SpawnOrder};
use crate::engine::Engine;
use crate::input::{ProcessId, SpawnError};
use crate::listener::Listener;
use crate::process::{Child, Started, State, Then};

impl Engine {
    /// Order a child for a process that has none.
    pub(crate) fn start(&mut self, id: ProcessId) {
        let (at, wall) = (self.now, self.wall);
        let Some(process) = self.processes.get_mut(&id) else { return };
        match process.state {
            State::Stopped | State::Backoff { .. } | State::Exited { .. } | State::Fatal => {}
            State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Unknown { .. } => return self.broken(id, "a start"),
        }
        process.started = Some(Started { at, wall });
        process.spawnerr = None;
        process.exitstatus = None;
        let is_listener = process.listener.is_some();
        process.listener = is_listener.then(Listener::default);
        self.change(id, State::Spawning { then: Vec::new() }, true);
        if let Some(order) = self.order_of(id) {
            self.act(Action::Spawn(order));
        }
    }

    /// The order by which the child of a process comes to be.
    #[must_use]
    pub fn order_of(&self, id: ProcessId) -> Option<SpawnOrder> {
        let process = self.processes.get(&id)?;
        let shared = self.groups.get(&process.group).and_then(|group| group.socket().cloned());
        Some(SpawnOrder {
            process: id,
            group: process.group.to_string(),
            config: process.config.clone(),
            logs: process.logs.clone(),
            listener: process.listener.is_some(),
            socket: process.config.socket.as_deref().cloned().or(shared),
        })
    }

    /// The child exists. What clients asked for in the meantime is done now.
    pub(crate) fn spawned(&mut self, id: ProcessId, pid: u32) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "a child") };
        let State::Spawning { then } = &mut process.state else { return self.unexpected_child(id, pid) };
        let then = std::mem::take(then);
        process.answered = now;
        let (name, startsecs) = (process.config.name.clone(), process.config.startsecs);
        let began = process.started.map_or(now, |started| started.at);
        let of_batch = self.batch.spawning.remove(&id);
        // RUNNING comes *after* startsecs: at the next instant. What starts together is not held up by one for long.
        let up_at = Moment(began.after_secs(if of_batch { startsecs.max(1) } else { startsecs }).0.saturating_add(1));
        self.info(format!("spawned: '{name}' with pid {pid}"));
        self.change(id, State::Starting { child: Child { pid, gone: None }, up_at }, true);
        for order in then {
            match order {
                Then::Stop => self.stop(id),
                Then::Signal(signal) => self.signal(id, signal),
            }
        }
        match startsecs {
            1.. => {}
            _ if of_batch => self.batch.answered.push(id),
            _ => self.came_up(id),
        }
        self.batch_answered();
        self.settle(id);
    }

    /// A child that was not ordered: two of one program must not live, so the new one is ended.
    fn unexpected_child(&mut self, id: ProcessId, pid: u32) {
        self.act(Action::Signal { process: id, pid, signal: model::Signal::KILL, to_group: true });
        self.broken(id, "an unexpected child");
    }

    /// There is no child.
    pub(crate) fn spawn_failed(&mut self, id: ProcessId, error: &SpawnError) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "a failed start") };
        let State::Spawning { then } = &process.state else { return self.broken(id, "an unexpected failed start") };
        let stopped = then.contains(&Then::Stop);
        let of_batch = self.batch.spawning.remove(&id);
        process.answered = now;
        process.spawnerr = Some(error.text().to_owned());
        self.info(format!("spawnerr: {}", error.text()));
        self.back_off(id);
        if stopped {
            self.stop(id);
        } else if of_batch {
            self.batch.answered.push(id);
        } else {
            self.give_up_if_tried_enough(id);
        }
        self.batch_answered();
    }

    /// It has stayed up for longer than `startsecs`.
    pub(crate) fn came_up(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let State::Starting { child, .. } = &process.state else { return };
        let child = child.clone();
        process.tries = 0;
        let (name, startsecs) = (process.config.name.clone(), process.config.startsecs);
        self.change(id, State::Running { child }, true);
        self.info(format!(
            "success: {name} entered RUNNING state, process has stayed up for > than {startsecs} seconds (startsecs)"
        ));
    }

    /// One more start in a row has failed: pause for as many seconds.
    pub(crate) fn back_off(&mut self, id: ProcessId) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.tries = process.tries.saturating_add(1);
        let until = now.after_secs(process.tries);
        self.change(id, State::Backoff { until }, true);
    }

    /// `startretries` failures are tried again, one more is final.
    pub(crate) fn give_up_if_tried_enough(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get(&id) else { return };
        let in_backoff = matches!(process.state, State::Backoff { .. });
        if !in_backoff || process.tries <= process.config.startretries {
            return;
        }
        let name = process.config.name.clone();
        self.give_up(id);
        self.log(Level::Info, format!("gave up: {name} entered FATAL state, too many start retries too quickly"));
        self.after_fatal(id);
    }

    /// From BACKOFF to FATAL.
    pub(crate) fn give_up(&mut self, id: ProcessId) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.tries = 0;
            self.change(id, State::Fatal, true);
        }
    }
}
