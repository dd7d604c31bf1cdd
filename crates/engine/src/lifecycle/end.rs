//! The death of a child: its last output is waited for, then the state changes, then it may be started again.

use std::time::Duration;

use config::Autorestart;
use model::{ExitStatus, Level, Moment, SupervisorState};

use crate::action::Action;
use crate::engine::Engine;
use crate::input::ProcessId;
use crate::process::{Gone, Process, State};

/// How long the last output of a dead child is waited for.
const DRAIN: Duration = Duration::from_secs(2);

/// Two starts of a program lie at least so far apart: what dies at once must not keep the machine busy.
const PACE: Duration = Duration::from_secs(1);

impl Engine {
    /// The kernel told a child's end. Its output comes first.
    pub(crate) fn reaped(&mut self, id: ProcessId, status: ExitStatus) {
        let at = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "the end") };
        let Some(child) = process.state.child_mut() else { return self.broken(id, "the end of a child") };
        if child.gone.is_some() {
            return self.debug(|| format!("the end of process {} was told twice", id.0));
        }
        child.gone = Some(Gone { status, at, until: at.after(DRAIN) });
        self.arm(id);
        self.act(Action::Drain { process: id });
    }

    /// The last output was handed on.
    pub(crate) fn drained(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get(&id) else { return self.stranger(id, "the last output") };
        if process.state.child().is_some_and(|child| child.gone.is_some()) {
            self.finish(id);
        }
    }

    /// The child is gone and its output too: the state changes.
    pub(crate) fn finish(&mut self, id: ProcessId) {
        let wall = self.wall;
        let Some(process) = self.processes.get_mut(&id) else { return };
        let Some(gone) = process.state.child().and_then(|child| child.gone) else { return };
        process.stopped = wall;
        process.ended = Some(gone.status);
        match &process.state {
            State::Stopping { .. } => self.stopped(id, gone.status),
            State::Starting { .. } if died_young(process, gone.at) => self.exited_too_quickly(id, gone.status),
            State::Starting { .. } => {
                self.came_up(id);
                self.exited(id, gone);
            }
            State::Running { .. } => self.exited(id, gone),
            State::Unknown { .. } => self.ended_unknown(id, gone.status),
            State::Stopped | State::Spawning { .. } | State::Backoff { .. } | State::Exited { .. } | State::Fatal => {}
        }
        self.take_back_event(id);
        let Some(process) = self.processes.get(&id) else { return };
        if matches!(process.state, State::Exited { again: Some(again) } if again <= self.now) {
            self.start(id);
        }
    }

    fn stopped(&mut self, id: ProcessId, status: ExitStatus) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.exitstatus = Some(status.code());
        process.tries = 0;
        let level = if is_expected(process, status) { Level::Info } else { Level::Warn };
        let text = format!("stopped: {} ({})", process.config.name, status.describe());
        self.change(id, State::Stopped, true);
        self.log(level, text);
    }

    fn exited_too_quickly(&mut self, id: ProcessId, status: ExitStatus) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.exitstatus = None;
        process.spawnerr = Some("Exited too quickly (process log may have details)".into());
        let text = format!("exited: {} ({}; not expected)", process.config.name, status.describe());
        self.back_off(id);
        self.log(Level::Warn, text);
        self.give_up_if_tried_enough(id);
    }

    fn exited(&mut self, id: ProcessId, gone: Gone) {
        let running = self.mood == SupervisorState::Running;
        let Some(process) = self.processes.get_mut(&id) else { return };
        let code = gone.status.code();
        let expected = is_expected(process, gone.status);
        process.tries = 0;
        process.exitstatus = Some(code);
        process.spawnerr = (!expected).then(|| format!("Bad exit code {code}"));
        let wanted = match process.config.autorestart {
            Autorestart::Always => true,
            Autorestart::Unexpected => !expected,
            Autorestart::Never => false,
        };
        let again = (wanted && running).then(|| process.started.map_or(gone.at, |started| started.at.after(PACE)));
        let (word, level) = if expected { ("expected", Level::Info) } else { ("not expected", Level::Warn) };
        let text = format!("exited: {} ({}; {word})", process.config.name, gone.status.describe());
        self.change(id, State::Exited { again }, expected);
        self.log(level, text);
        if !wanted {
            self.after_exit(id, gone.at);
        }
    }

    /// The end of a child whose process is UNKNOWN; it stays so until its group is removed or the daemon restarts.
    fn ended_unknown(&mut self, id: ProcessId, status: ExitStatus) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        process.exitstatus = Some(status.code());
        let text = format!("exited: {} ({}; its state was unknown)", process.config.name, status.describe());
        self.change(id, State::Unknown { child: None }, false);
        self.log(Level::Warn, text);
    }
}

/// True if it ended before it had been up for `startsecs`.
fn died_young(process: &Process, at: Moment) -> bool {
    process.started.is_some_and(|started| at < started.at.after_secs(process.config.startsecs))
}

fn is_expected(process: &Process, status: ExitStatus) -> bool {
    process.config.exitcodes.contains(&status.code())
}
