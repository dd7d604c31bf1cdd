//! The engine decides. It owns all state of supervision, takes one stream of inputs (facts, in the past tense) and returns
//! actions (imperatives). It has no clock, file, thread, socket or random number.

#![forbid(unsafe_code)]

pub mod action;
pub mod input;

pub use action::{Action, Answer, LogRead, SpawnOrder};
pub use input::{AutoLog, CallId, CommandError, DaemonSignal, Input, ProcessId, Request, SpawnError, Ticket};
