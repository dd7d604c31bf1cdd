//! Questions to control: each gets a number, one answer, and a word to control if the client goes before.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use engine::{Answer, CallId, Request};
use model::{Fault, FaultCode, Value, limits};
use tokio::sync::oneshot;

use super::logread;
use super::messages::ClientEvent;
use super::serve::Front;

/// Numbers go on when the front is started again in the same run of the daemon.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The number of the next call.
pub(super) fn next_number() -> u64 {
    NEXT.load(Ordering::Relaxed)
}

/// Numbers below this one are taken.
pub(super) fn go_on_from(number: u64) {
    NEXT.fetch_max(number, Ordering::Relaxed);
}

/// A question that somebody waits for the answer to; one at a time.
#[derive(Debug, Default)]
pub(super) struct Slot(RefCell<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    /// It is held back: the front is about to be handed over.
    Held,
    Waiting {
        call: CallId,
        answer: oneshot::Receiver<Answer>,
    },
}

impl Slot {
    /// Nothing moves here until control answers, which it has not done yet.
    pub fn rests(&self) -> bool {
        match &*self.0.borrow() {
            State::Nothing => false,
            State::Held => true,
            State::Waiting { answer, .. } => answer.is_empty(),
        }
    }

    /// The call that waits.
    pub fn call(&self) -> Option<CallId> {
        match &*self.0.borrow() {
            State::Waiting { call, .. } => Some(*call),
            State::Nothing | State::Held => None,
        }
    }
}

/// What to wait for.
#[derive(Debug)]
pub(super) enum Question {
    /// To be asked.
    New(Request),
    /// Asked before, of the daemon's predecessor.
    Before(CallId),
}

impl Question {
    /// A method of the XML-RPC interface.
    pub const fn method(name: String, params: Vec<Value>) -> Self {
        Self::New(Request::Method { name, params })
    }
}

/// Goes on unless the front is about to be handed over: what comes next is asked by the successor.
pub(super) async fn may_ask(front: &Front, slot: &Slot) {
    if front.frozen.get() {
        slot.0.replace(State::Held);
        pending::<()>().await;
    }
}

/// Asks control and waits for its answer; dropped before, it tells control that the client has gone.
///
/// # Errors
/// The daemon ends, or too many calls wait: a fault.
pub(super) async fn ask(front: &Front, slot: &Slot, question: Question) -> Result<Answer, Fault> {
    if front.waiting.get() >= limits::CALLS_WAITING {
        return Err(Fault::about(FaultCode::Failed, "too many calls wait for an answer"));
    }
    let (reply, answer) = oneshot::channel();
    let (call, event) = match question {
        Question::New(request) => {
            let call = CallId(NEXT.fetch_add(1, Ordering::Relaxed));
            (call, ClientEvent::Called { call, request, reply })
        }
        Question::Before(call) => (call, ClientEvent::Waits { call, reply }),
    };
    slot.0.replace(State::Waiting { call, answer });
    let mut guard = Guard::new(front, slot, call);
    front.control.send(event);
    let answer = poll_fn(|context| match &mut *slot.0.borrow_mut() {
        State::Waiting { answer, .. } => Pin::new(answer).poll(context).map(Result::ok),
        State::Nothing | State::Held => Poll::Ready(None),
    })
    .await;
    guard.answered = true;
    answer.ok_or_else(|| Fault::bare(FaultCode::ShutdownState))
}

/// What a method gives.
#[derive(Debug)]
pub(super) enum Given {
    /// To this call alone.
    Own(Value),
    /// To other calls as well, as long as it stays the same.
    Shared(Arc<Value>),
}

impl Given {
    /// The value, to be changed or put into another.
    pub fn into_value(self) -> Value {
        match self {
            Self::Own(value) => value,
            Self::Shared(value) => Arc::unwrap_or_clone(value),
        }
    }
}

/// Calls a method of the XML-RPC interface.
///
/// # Errors
/// Its fault.
pub(super) async fn method(front: &Front, slot: &Slot, question: Question) -> Result<Value, Fault> {
    given(front, slot, question).await.map(Given::into_value)
}

/// The same, for an answer that is only written.
///
/// # Errors
/// Its fault.
pub(super) async fn given(front: &Front, slot: &Slot, question: Question) -> Result<Given, Fault> {
    match ask(front, slot, question).await? {
        Answer::Value(value) => Ok(Given::Own(value)),
        Answer::Shared(value) => Ok(Given::Shared(value)),
        Answer::Fault(fault) => Err(fault),
        Answer::Read(read) => logread::read(front, read).await.map(Given::Own),
        // Control answers methods by one of those above.
        Answer::Path(_) | Answer::Overview(_) => Err(Fault::bare(FaultCode::Failed)),
    }
}

struct Guard<'a> {
    front: &'a Front,
    slot: &'a Slot,
    call: CallId,
    answered: bool,
}

impl<'a> Guard<'a> {
    fn new(front: &'a Front, slot: &'a Slot, call: CallId) -> Self {
        front.waiting.set(front.waiting.get() + 1);
        Self { front, slot, call, answered: false }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let front = self.front;
        front.waiting.set(front.waiting.get().saturating_sub(1));
        self.slot.0.replace(State::Nothing);
        // A client that is handed over has not gone.
        if !self.answered && !front.taken.get() {
            front.control.send(ClientEvent::HungUp { call: self.call });
        }
    }
}
