//! What is left to do for a request once control has answered, as plain data: a request that waits while the daemon is upgraded
//! goes on from it in the daemon's successor.
//!
//! Deliberately absent: requests that are answered at once (pages, statics, log tails). They are let finish.

use engine::CallId;
use serde::{Deserialize, Serialize};

use super::pages::Manner;
use super::rpc::Multicall;

/// What is left to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Work {
    /// A single call: its answer is the whole answer.
    Call,
    /// The other calls of a `system.multicall`.
    Multicall(Multicall),
    /// To tell how an action of the page went.
    Action {
        /// Which.
        number: u64,
        /// How to tell it.
        manner: Manner,
    },
}

/// A request that waits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// Its first line and what else decides how its answer is sent: hyper is given it again.
    pub head: String,
    /// What is left to do,
    pub work: Work,
    /// after the answer to this call.
    pub call: Option<CallId>,
}
