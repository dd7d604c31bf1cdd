//! The end of a process for good, FATAL or an exit that `autorestart` lets be: nothing, another try later, or the end of
//! the daemon with the status of the process.
//!
//! Deliberately absent: the state changes themselves, and ends that a client asked for.

use std::time::Duration;

use config::Ending;
use model::{ExitStatus, Level, Moment, SupervisorState};

use crate::engine::Engine;
use crate::input::ProcessId;
use crate::process::State;

/// The first pause before another try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// No pause is longer, and after an uptime of as much the pauses are short again.
const LAST_PAUSE: Duration = Duration::from_secs(300);

/// A shell's way to tell of a signal.
const SIGNALED: i32 = 128;

impl Engine {
    /// It exited by itself and is not started again.
    pub(super) fn after_exit(&mut self, id: ProcessId, at: Moment) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        if process.started.is_some_and(|started| at.since(started.at) >= LAST_PAUSE) {
            process.pauses = 0;
        }
        match process.config.on_exit {
            Ending::Ignore => {}
            Ending::Restart => {
                let Some(again) = self.pause(id) else { return };
                self.change(id, State::Exited { again: Some(again) }, true);
            }
            Ending::Shutdown => self.end_with(id, "on_exit"),
        }
    }

    /// It could not be started.
    pub(super) fn after_fatal(&mut self, id: ProcessId) {
        match self.processes.get(&id).map(|process| process.config.on_fatal) {
            Some(Ending::Restart) => {
                let revival = self.pause(id);
                if let Some(process) = self.processes.get_mut(&id) {
                    process.revival = revival;
                }
                self.arm(id);
            }
            Some(Ending::Shutdown) => self.end_with(id, "on_fatal"),
            Some(Ending::Ignore) | None => {}
        }
    }

    /// When it is tried again; never while the daemon ends.
    fn pause(&mut self, id: ProcessId) -> Option<Moment> {
        let now = self.now;
        let process = self.processes.get_mut(&id).filter(|_| self.mood == SupervisorState::Running)?;
        let pause = FIRST_PAUSE.saturating_mul(1 << process.pauses.min(8)).min(LAST_PAUSE);
        process.pauses = process.pauses.saturating_add(1);
        let text = format!("'{}' is tried again in {} seconds", process.config.name, pause.as_secs());
        self.info(text);
        Some(now.after(pause))
    }

    /// The daemon ends, with its status; the first such process decides.
    fn end_with(&mut self, id: ProcessId, option: &str) {
        if self.mood != SupervisorState::Running {
            return;
        }
        let Some(process) = self.processes.get(&id) else { return };
        let status = match process.ended {
            // A service that could not be started has not done its work, whatever it says.
            Some(ExitStatus::Exited(0)) if process.state == State::Fatal => 1,
            Some(ended) => status_of(ended),
            None => 1,
        };
        let text = format!(
            "'{}' has ended for good: shutting down with status {status} ({option}=shutdown)",
            process.namespec()
        );
        self.exit_status = status;
        self.log(Level::Warn, text);
        self.begin_shutdown(SupervisorState::Shutdown);
    }
}

fn status_of(ended: ExitStatus) -> u8 {
    match ended {
        ExitStatus::Exited(code) => code,
        ExitStatus::Signaled { signal, .. } => u8::try_from(SIGNALED + signal.number()).unwrap_or(u8::MAX),
        ExitStatus::Unknown => 1,
    }
}
