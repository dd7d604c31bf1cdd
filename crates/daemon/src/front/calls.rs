//! Questions to control: each gets a number, one answer, and a word to control if the client goes before.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Answer, CallId, Request};
use model::{Fault, FaultCode, Value, limits};
use tokio::sync::oneshot;

use super::logread;
use super::messages::ClientEvent;
use super::serve::Front;
use crate::mailbox::Sender;

/// Numbers go on when the front is started again in the same run of the daemon.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Asks control and waits for its answer; dropped before, it tells control that the client has gone.
///
/// # Errors
/// The daemon ends, or too many calls wait: a fault.
pub(super) async fn ask(front: &Front, request: Request) -> Result<Answer, Fault> {
    if front.waiting.get() >= limits::CALLS_WAITING {
        return Err(Fault::about(FaultCode::Failed, "too many calls wait for an answer"));
    }
    let call = CallId(NEXT.fetch_add(1, Ordering::Relaxed));
    let (reply, answer) = oneshot::channel();
    front.control.send(ClientEvent::Called { call, request, reply });
    let mut guard = Guard::new(front, call);
    let answer = answer.await.map_err(|_| Fault::bare(FaultCode::ShutdownState));
    guard.answered = true;
    answer
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
pub(super) async fn method(front: &Front, name: String, params: Vec<Value>) -> Result<Value, Fault> {
    given(front, name, params).await.map(Given::into_value)
}

/// The same, for an answer that is only written.
///
/// # Errors
/// Its fault.
pub(super) async fn given(front: &Front, name: String, params: Vec<Value>) -> Result<Given, Fault> {
    match ask(front, Request::Method { name, params }).await? {
        Answer::Value(value) => Ok(Given::Own(value)),
        Answer::Shared(value) => Ok(Given::Shared(value)),
        Answer::Fault(fault) => Err(fault),
        Answer::Read(read) => logread::read(front, read).await.map(Given::Own),
        // Control answers methods by one of those above.
        Answer::Path(_) | Answer::Overview(_) => Err(Fault::bare(FaultCode::Failed)),
    }
}

struct Guard<'a> {
    control: &'a Sender<ClientEvent>,
    waiting: &'a Cell<usize>,
    call: CallId,
    answered: bool,
}

impl<'a> Guard<'a> {
    fn new(front: &'a Front, call: CallId) -> Self {
        front.waiting.set(front.waiting.get() + 1);
        Self { control: &front.control, waiting: &front.waiting, call, answered: false }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
        if !self.answered {
            self.control.send(ClientEvent::HungUp { call: self.call });
        }
    }
}
