//! An upgrade in place until the moment of handing over: the program at the daemon's path proves that it accepts the state,
//! then control comes to rest.
//!
//! At rest nothing is under way between the threads: no question of a client, no start, no last output. For that moment
//! calls and starts wait; if it does not come in time, they go on and the upgrade is refused. Deliberately absent: the
//! handing over (that is `handing`), and what the proof is (that is `upgrade`).

use std::time::Duration;

use engine::{CallId, Engine, Input, SpawnOrder};
use model::{Level, Moment, SupervisorState};
use sys::clock;

use super::office::Errand;
use super::world::World;
use crate::plane::Order;
use crate::upgrade::{Parcel, Proven};

/// How long calls and starts may wait for the moment of rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// An upgrade that was asked for.
#[derive(Debug)]
pub struct Upgrading {
    calls: Vec<CallId>,
    stage: Stage,
    /// Starts that were ordered meanwhile.
    held: Vec<SpawnOrder>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing has been done yet.
    Asked,
    /// The other program is asked.
    Proving,
    /// It accepts the state.
    Proven {
        /// Which it was.
        proven: Proven,
        /// When to give up.
        until: Moment,
        /// The front asks nothing any more.
        front_rests: bool,
        /// The plane was told to pause, and whether it has.
        pause: Option<(u64, bool)>,
    },
}

impl World {
    pub(super) fn asked_to_upgrade(&mut self, call: Option<CallId>) {
        let fresh = || Upgrading { calls: Vec::new(), stage: Stage::Asked, held: Vec::new() };
        self.upgrade.get_or_insert_with(fresh).calls.extend(call);
    }

    /// Who asked for the upgrade that is under way.
    pub(super) fn upgrade_calls(&mut self) -> Vec<CallId> {
        self.upgrade.take().map(|upgrading| upgrading.calls).unwrap_or_default()
    }

    /// A child is to be started: at once, or when the upgrade is over.
    pub(super) fn order_child(&mut self, order: SpawnOrder) {
        match &mut self.upgrade {
            Some(Upgrading { stage: Stage::Proven { .. }, held, .. }) => held.push(order),
            _ => self.launch(Box::new(order)),
        }
    }

    /// The other program has answered, or has not.
    pub(super) fn proved(&mut self, result: Result<Proven, String>) {
        let Some(upgrading) = &mut self.upgrade else { return };
        match result {
            Ok(proven) => {
                let until = clock::now().after(PATIENCE);
                upgrading.stage = Stage::Proven { proven, until, front_rests: self.front.is_none(), pause: None };
                // New calls wait in the kernel.
                if let Some(front) = &self.front {
                    front.pause();
                }
            }
            Err(reason) => self.refuse(reason),
        }
    }

    /// The front asks nothing any more.
    pub(super) fn front_paused(&mut self) {
        if let Some(Upgrading { stage: Stage::Proven { front_rests, .. }, .. }) = &mut self.upgrade {
            *front_rests = true;
        }
    }

    /// The plane reads no pipe any more.
    pub(super) fn paused(&mut self, number: u64) {
        if let Some(Upgrading { stage: Stage::Proven { pause: Some((asked, done)), .. }, .. }) = &mut self.upgrade {
            *done |= *asked == number;
        }
    }

    /// When to look again at the latest.
    pub(super) fn upgrade_due(&self) -> Option<Moment> {
        match &self.upgrade {
            Some(Upgrading { stage: Stage::Proven { until, .. }, .. }) => Some(*until),
            _ => None,
        }
    }

    /// Goes on with the upgrade as far as it goes now. True if everything is ready to be handed over.
    pub(super) fn hands_over(&mut self, engine: &Engine) -> bool {
        match &self.upgrade {
            None | Some(Upgrading { stage: Stage::Proving, .. }) => false,
            Some(_) if engine.mood() != SupervisorState::Running => {
                self.refuse("supervisord is shutting down".into());
                false
            }
            Some(Upgrading { stage: Stage::Asked, .. }) => {
                let draft = Parcel::new(engine, self.about.clone());
                if let Some(upgrading) = &mut self.upgrade {
                    upgrading.stage = Stage::Proving;
                }
                self.errands.run(Errand::Prove(Box::new(draft)));
                false
            }
            Some(Upgrading { stage: Stage::Proven { until, .. }, .. }) => {
                let late = *until <= clock::now();
                self.rests(engine, late)
            }
        }
    }

    /// True if control and the plane are at rest.
    fn rests(&mut self, engine: &Engine, late: bool) -> bool {
        let busy = self.busy_with(engine);
        let next = self.pauses + 1;
        let Some(Upgrading { stage: Stage::Proven { proven, front_rests, pause, .. }, .. }) = &mut self.upgrade else {
            return false;
        };
        let busy = busy.or_else(|| (!*front_rests).then_some("clients are being answered"));
        match (busy, *pause) {
            (None, Some((_, true))) if proven.is_still_there() => return true,
            (None, Some((_, true))) => {
                self.refuse("the program was replaced again just after it had accepted the state".into());
            }
            (Some(what), _) if late => {
                let seconds = PATIENCE.as_secs();
                self.refuse(format!("supervisord did not come to rest within {seconds} s: {what}"));
            }
            (None, Some(_)) if late => self.refuse("a log stalls".into()),
            (None, None) => {
                *pause = Some((next, false));
                self.pauses = next;
                self.plane.orders.send(Order::Pause { number: next });
            }
            _ => {}
        }
        false
    }

    /// What is under way.
    fn busy_with(&self, engine: &Engine) -> Option<&'static str> {
        let reasons = [
            (engine.open_questions() > 0, "questions of clients are open"),
            (!self.errands.is_idle(), "a command or a configuration is being looked up"),
            (!self.launching.is_at_rest(), "programs are being started"),
            (!self.adopted.is_empty(), "programs are being adopted"),
            (self.draining > 0, "the last output of a program is being read"),
            (!self.inputs.is_empty(), "something has just happened"),
        ];
        reasons.into_iter().find_map(|(busy, what)| busy.then_some(what))
    }

    /// A front that was told to pause goes on by being handed over to itself.
    fn serve_again(&mut self) -> std::io::Result<()> {
        let Some(front) = self.front.take() else { return Ok(()) };
        let handed = front.hand_over()?;
        let calls: Vec<CallId> = handed.description.calls().collect();
        // The places where their answers were to go are gone.
        calls.iter().for_each(|call| self.replies.forget(*call));
        self.promise(calls);
        self.front = Some((self.revive)(handed)?);
        Ok(())
    }

    /// Everything goes on as if nobody had asked.
    fn refuse(&mut self, reason: String) {
        let Some(Upgrading { calls, stage, held }) = self.upgrade.take() else { return };
        if let Stage::Proven { pause, .. } = stage {
            if pause.is_some() {
                self.plane.orders.send(Order::GoOn);
            }
            if let Err(error) = self.serve_again() {
                self.log(Level::Critical, format!("clients cannot be served any more: {error}"));
            }
        }
        for order in held {
            self.order_child(order);
        }
        self.inputs.push_back(Input::UpgradeRefused { calls, reason });
    }
}
