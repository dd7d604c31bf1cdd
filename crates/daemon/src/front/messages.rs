//! What the front hands to control: decoded calls, each with the place for its one reply.

use engine::{Answer, CallId, Request};
use tokio::sync::oneshot;

/// What clients do.
#[derive(Debug)]
pub enum ClientEvent {
    /// A client asks.
    Called {
        /// Given by the front, unique in this run of the daemon.
        call: CallId,
        /// What.
        request: Request,
        /// Where the answer goes. Dropped only when the daemon ends.
        reply: oneshot::Sender<Answer>,
    },
    /// A client waits for the answer to a call that the daemon's predecessor was asked.
    Waits {
        /// The call.
        call: CallId,
        /// Where the answer goes. Dropped if the call was not promised ([`crate::control::World::promise`]).
        reply: oneshot::Sender<Answer>,
    },
    /// A client that was waiting has gone.
    HungUp {
        /// Its call.
        call: CallId,
    },
    /// The front has come to rest, as it was told ([`super::FrontHandle::pause`]): nobody asks anything any more.
    Paused,
}
