//! An upgrade in place as the engine sees it: it is asked for, and refused by the world or answered by the successor.
//!
//! The call that asks stays open over the change, so the state that is handed over holds it. Deliberately absent: the
//! handing over itself, and when the world is quiet enough for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Config;
use model::{Fault, FaultCode, Level, SupervisorState};

use crate::action::{Action, Answer, SpawnOrder};
use crate::calls::Wanted;
use crate::engine::Engine;
use crate::handover::{Handover, HandoverError};
use crate::input::{CallId, ProcessId};
use crate::local::Local;
use crate::process::State;
use crate::timers::Timer;

impl Engine {
    /// The engine of a successor in the same process: unlike one that is restored after a crash it adds no group, and what
    /// the world was told to start is told again ([`Engine::ordered`]). `base` is what the daemon runs with, `read` what
    /// was read last. It begins with [`crate::Input::Upgraded`].
    ///
    /// # Errors
    /// The handover is of an unknown form or contradicts itself.
    pub fn take_up(
        handover: Handover,
        base: Arc<Config>,
        read: Arc<Config>,
        local: Local,
    ) -> Result<Self, HandoverError> {
        let states = handover.groups.iter().flat_map(|group| &group.processes);
        let ordered: BTreeMap<ProcessId, State> = states
            .filter(|process| matches!(process.state, State::Spawning { .. }))
            .map(|process| (process.id, process.state.clone()))
            .collect();
        let mut engine = Self::restore(handover, base, local)?;
        engine.config = read;
        for (id, state) in ordered {
            if let Some(process) = engine.processes.get_mut(&id) {
                process.state = state;
            }
            engine.arm(id);
        }
        Ok(engine)
    }

    /// What the daemon runs with, and the configuration that was read last.
    #[must_use]
    pub fn configurations(&self) -> (Arc<Config>, Arc<Config>) {
        (Arc::clone(&self.base), Arc::clone(&self.config))
    }

    /// The children that the world was told to start, and of which it has not told.
    #[must_use]
    pub fn ordered(&self) -> Vec<SpawnOrder> {
        let spawning = self.processes.values().filter(|process| matches!(process.state, State::Spawning { .. }));
        spawning.filter_map(|process| self.order_of(process.id)).collect()
    }

    pub(crate) fn asked_to_upgrade(&mut self) {
        self.log(Level::Warn, "received SIGUSR1 indicating upgrade request".into());
        if let Err(fault) = self.upgrade_for(None) {
            self.upgrade_refused(Vec::new(), &fault.text);
        }
    }

    /// Has the world upgrade, for a call or a signal. Not while the daemon starts or ends.
    pub(crate) fn upgrade_for(&mut self, call: Option<CallId>) -> Result<Option<Answer>, Fault> {
        if self.mood != SupervisorState::Running {
            return Err(Fault::bare(FaultCode::ShutdownState));
        }
        if !self.starting.is_empty() {
            return Err(Fault::about(FaultCode::Failed, "supervisord is still starting"));
        }
        self.act(Action::Upgrade { call });
        Ok(None)
    }

    pub(crate) fn upgrade_refused(&mut self, calls: Vec<CallId>, reason: &str) {
        self.log(Level::Error, format!("upgrade refused, supervisord goes on as it is: {reason}"));
        for call in calls {
            self.reply(call, Answer::Fault(Fault::about(FaultCode::Failed, reason)));
        }
    }

    /// The successor goes on.
    pub(crate) fn upgraded(&mut self, calls: Vec<CallId>, from: &str, to: &str) {
        let stopping = |id: &ProcessId| {
            let waiters = self.processes.get(id).map(|process| process.waiters.as_slice()).unwrap_or_default();
            waiters.iter().any(|waiter| waiter.wanted == Wanted::Stop)
        };
        // The log goes on saying that they are waited for.
        for id in self.processes.keys().copied().filter(stopping).collect::<Vec<_>>() {
            self.timers.set(Timer::StopReport(id), Some(self.now));
        }
        let living = self.processes.values().filter(|process| process.state.child().is_some()).count();
        self.info(format!("upgraded in place from {from} to {to}, {living} programs go on"));
        for call in calls {
            let text = format!("supervisord {} (build {to}), {living} programs go on", model::SUPERVISOR_VERSION);
            self.reply(call, Answer::Value(text.into()));
        }
    }
}
