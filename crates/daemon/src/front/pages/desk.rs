//! Actions under way. Each is done to its end even if the client goes: a browser that leaves during `restartall` leaves nothing
//! stopped. So each has a task of its own, and waits in this list for whoever wants to know how it went.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use engine::CallId;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::super::calls::{self, Question, Slot};
use super::super::serve::Front;
use super::actions::{Doing, Outcome, Progress};

/// All actions under way.
#[derive(Debug, Default)]
pub(in crate::front) struct Desk {
    all: RefCell<BTreeMap<u64, Rc<Action>>>,
    next: Cell<u64>,
}

#[derive(Debug)]
struct Action {
    progress: RefCell<Progress>,
    slot: Slot,
    outcome: RefCell<Option<Outcome>>,
    done: Notify,
}

/// A look at an action under way.
#[derive(Debug)]
pub(in crate::front) struct Watch {
    /// Which.
    pub number: u64,
    action: Rc<Action>,
}

impl Watch {
    /// Waits until it is done; `None` if another has been told how it went.
    pub async fn outcome(self) -> Option<Outcome> {
        self.action.done.notified().await;
        self.action.outcome.take()
    }
}

/// An action as it is handed over.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::front) struct Held {
    /// Its number.
    pub number: u64,
    progress: Progress,
    /// The call that it waits for.
    pub call: Option<CallId>,
}

impl Desk {
    /// Begins to do something.
    pub fn begin(&self, front: &Rc<Front>, doing: Doing) -> Watch {
        let number = self.next.get();
        self.go_on(front, Held { number, progress: Progress::new(doing), call: None })
    }

    /// Goes on with what was begun.
    pub fn go_on(&self, front: &Rc<Front>, held: Held) -> Watch {
        let Held { number, progress, call } = held;
        self.next.set(self.next.get().max(number + 1));
        let action = Rc::new(Action {
            progress: RefCell::new(progress),
            slot: Slot::default(),
            outcome: RefCell::default(),
            done: Notify::new(),
        });
        self.all.borrow_mut().insert(number, Rc::clone(&action));
        let watch = Watch { number, action: Rc::clone(&action) };
        let front = Rc::clone(front);
        spawn_local(async move {
            let outcome = perform(&front, &action, call).await;
            front.desk.all.borrow_mut().remove(&number);
            *action.outcome.borrow_mut() = Some(outcome);
            action.done.notify_one();
        });
        watch
    }

    /// Whether an action waits for an answer that has not come.
    pub fn rests(&self, number: u64) -> bool {
        self.all.borrow().get(&number).is_some_and(|action| action.slot.rests())
    }

    /// Whether all do.
    pub fn all_rest(&self) -> bool {
        self.all.borrow().values().all(|action| action.slot.rests())
    }

    /// Takes all of them, to be handed over; their tasks must not run any more.
    pub fn take(&self) -> Vec<Held> {
        let taken = std::mem::take(&mut *self.all.borrow_mut());
        let hold = |(number, action): (u64, Rc<Action>)| Held {
            number,
            progress: action.progress.borrow().clone(),
            call: action.slot.call(),
        };
        taken.into_iter().map(hold).collect()
    }
}

async fn perform(front: &Front, action: &Action, before: Option<CallId>) -> Outcome {
    let mut next = before.map(Question::Before);
    loop {
        if next.is_none() {
            calls::may_ask(front, &action.slot).await;
            next = action.progress.borrow_mut().next().map(Question::New);
        }
        let Some(question) = next.take() else { break };
        let answer = calls::ask(front, &action.slot, question).await;
        action.progress.borrow_mut().take_in(answer);
    }
    action.progress.borrow_mut().outcome()
}
