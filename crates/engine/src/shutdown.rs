//! The end of the daemon, or the first half of a restart: groups stop strictly one after another, from the highest
//! priority; of equal ones the last that became active goes first, as the reference has it.

use std::sync::Arc;
use std::time::Duration;

use model::{EventType, SupervisorState};

use crate::action::Action;
use crate::engine::Engine;
use crate::input::ProcessId;
use crate::process::State;
use crate::timers::Timer;

/// Between two «waiting for x, y to die».
const REPORT: Duration = Duration::from_secs(3);

/// How far the end has come.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    /// The groups whose turn has not come; the next is the last.
    pub(crate) left: Vec<Arc<str>>,
    /// The group whose turn it is, and how many of its processes have not stopped.
    current: Option<(Arc<str>, usize)>,
    reported: bool,
    finished: bool,
}

impl Engine {
    /// Begin to stop everything. A restart that is under way can still become an end.
    pub(crate) fn begin_shutdown(&mut self, mood: SupervisorState) {
        self.mood = mood;
        if self.shutdown.is_some() {
            return;
        }
        // Groups of the start that are not ready yet will not be.
        self.starting.clear();
        let left = self.groups.by_priority().into_iter().map(|group| Arc::clone(&group.name)).collect();
        self.shutdown = Some(Shutdown { left, ..Shutdown::default() });
        self.raise(EventType::SupervisorStateChangeStopping, String::new);
    }

    /// Let the next group stop if the current one has, and end after the last.
    pub(crate) fn go_on_shutting_down(&mut self) {
        loop {
            let Some(shutdown) = self.shutdown.as_mut().filter(|shutdown| !shutdown.finished) else { return };
            match &shutdown.current {
                Some((_, 0)) => shutdown.current = None,
                Some(_) if shutdown.reported => return,
                Some(_) => {
                    shutdown.reported = true;
                    return self.report_shutdown();
                }
                None => match shutdown.left.pop() {
                    Some(name) => self.stop_group(name),
                    None => return self.finish_shutdown(),
                },
            }
        }
    }

    /// Stop all of a group, from the highest priority.
    fn stop_group(&mut self, name: Arc<str>) {
        let members = self.groups.get(&name).map(|group| group.by_priority.clone()).unwrap_or_default();
        let is_up = |id: &&ProcessId| self.processes.get(id).is_some_and(|process| !process.word().is_stopped());
        let up = members.iter().filter(is_up).count();
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.current = Some((name, up));
        }
        for id in members.into_iter().rev() {
            match self.processes.get(&id).map(|process| &process.state) {
                Some(State::Backoff { .. }) => self.give_up(id),
                Some(_) => self.stop(id),
                None => {}
            }
        }
    }

    /// A process has reached a state in which nothing runs.
    pub(crate) fn one_less_to_stop(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get(&id) else { return };
        if let Some(Shutdown { current: Some((name, left)), .. }) = &mut self.shutdown
            && **name == *process.group
        {
            *left = left.saturating_sub(1);
        }
    }

    /// Say every three seconds for whom the end waits.
    pub(crate) fn report_shutdown(&mut self) {
        let members = self.groups.iter().flat_map(|group| &group.members).filter_map(|id| self.processes.get(id));
        let names: Vec<&str> =
            members.filter(|process| !process.word().is_stopped()).map(|process| &*process.config.name).collect();
        let names = names.join(", ");
        self.info(format!("waiting for {names} to die"));
        self.timers.set(Timer::ShutdownReport, Some(self.now.after(REPORT)));
    }

    fn finish_shutdown(&mut self) {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.finished = true;
        }
        self.timers.set(Timer::ShutdownReport, None);
        self.refuse_all();
        self.act(Action::Finish { mood: self.mood });
    }
}
