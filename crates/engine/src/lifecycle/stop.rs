//! Asking a process to end, insisting, and signals that are not meant to end it.

use std::time::Duration;

use config::KillMode;
use model::{Level, ProcessState, Signal};

use crate::action::Action;
use crate::calls::Wanted;
use crate::engine::Engine;
use crate::input::ProcessId;
use crate::process::{State, Then};
use crate::timers::Timer;

/// Between two «waiting for x to stop».
const STOP_REPORT: Duration = Duration::from_secs(2);

/// Signals that may wait for one child to exist.
const SIGNALS_WAITING: usize = 64;

impl Engine {
    /// Stop a process: send it its stop signal, or end its wait for the next try. A pending restart is called off.
    pub(crate) fn stop(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let name = process.config.name.clone();
        match &mut process.state {
            State::Spawning { then } => {
                if !then.contains(&Then::Stop) {
                    then.push(Then::Stop);
                }
            }
            State::Starting { .. } | State::Running { .. } => {
                let signal = process.config.stopsignal;
                self.kill(id, signal);
            }
            State::Backoff { .. } => {
                // A later start begins to count anew.
                process.tries = 0;
                self.debug(|| format!("Attempted to kill {name}, which is in BACKOFF state."));
                self.change(id, State::Stopped, true);
            }
            State::Exited { again } => {
                *again = None;
                self.changes.processes.insert(id);
                self.timers.set(Timer::Process(id), None);
            }
            State::Fatal => {
                process.revival = None;
                self.timers.set(Timer::Process(id), None);
            }
            State::Stopped | State::Stopping { .. } | State::Unknown { .. } => {}
        }
    }

    /// Send a signal that is meant to end the process; from now on it is STOPPING.
    fn kill(&mut self, id: ProcessId, signal: Signal) {
        let now = self.now;
        let Some(process) = self.processes.get(&id) else { return };
        let Some(child) = process.state.child().cloned() else { return };
        let insists = process.word() == ProcessState::Stopping;
        let asked = if insists { process.config.killasgroup } else { process.config.stopasgroup };
        let to_group = asked || process.config.killmode != KillMode::Process;
        let (name, pid, patience) = (process.config.name.clone(), child.pid, process.config.stopwaitsecs);
        // Without patience the kernel is still given a moment to end what it was told to kill.
        let patience = if insists { patience.max(1) } else { patience };
        let live = child.gone.is_none();
        self.debug(|| {
            let whom = if to_group { "process group " } else { "" };
            format!("killing {name} (pid {pid}) {whom}with signal {}", signal.name())
        });
        self.change(id, State::Stopping { child, kill_at: now.after_secs(patience) }, true);
        if live {
            self.act(Action::Signal { process: id, pid, signal, to_group });
        }
    }

    /// It has not ended within `stopwaitsecs`.
    pub(crate) fn kill_stubborn(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get(&id) else { return };
        let (name, pid) = (process.config.name.clone(), process.pid());
        self.log(Level::Warn, format!("killing '{name}' ({pid}) with SIGKILL"));
        self.kill(id, Signal::KILL);
    }

    /// Send a signal that is not meant to end the process.
    pub(crate) fn signal(&mut self, id: ProcessId, signal: Signal) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if let State::Spawning { then } = &mut process.state {
            if then.len() < SIGNALS_WAITING {
                then.push(Then::Signal(signal));
            }
            return;
        }
        // One that has just died needs no signal any more.
        let Some(pid) = process.live_pid() else { return };
        let name = process.config.name.clone();
        self.debug(|| format!("sending {name} (pid {pid}) sig {}", signal.name()));
        self.act(Action::Signal { process: id, pid, signal, to_group: false });
    }

    /// The kernel refused to send a signal (not for the reason that the process had just gone).
    pub(crate) fn signal_failed(&mut self, id: ProcessId, error: &str) {
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "a refused signal") };
        let Some(child) = process.state.child().cloned().filter(|child| child.gone.is_none()) else { return };
        let doing = if process.word() == ProcessState::Stopping { "killing" } else { "sending a signal to" };
        let text = format!("unknown problem {doing} {} ({}): {error}", process.config.name, child.pid);
        process.spawnerr = Some(text.clone());
        self.log(Level::Critical, text);
        self.change(id, State::Unknown { child: Some(child) }, false);
    }

    /// While a client waits for a process to stop, the log says so every two seconds.
    pub(crate) fn report_stop(&mut self, id: ProcessId) {
        let next = self.now.after(STOP_REPORT);
        let Some(process) = self.processes.get(&id) else { return };
        if process.word().is_stopped() || !process.waiters.iter().any(|waiter| waiter.wanted == Wanted::Stop) {
            return;
        }
        let stopping = process.word() == ProcessState::Stopping;
        let name = process.config.name.clone();
        if stopping {
            self.info(format!("waiting for {name} to stop"));
        }
        self.timers.set(Timer::StopReport(id), Some(next));
    }
}
