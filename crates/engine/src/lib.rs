//! The engine decides. It owns all state of supervision, takes one stream of inputs (facts, in the past tense) and returns
//! actions (imperatives). It has no clock, file, thread, socket or random number.
//!
//! `engine` is the face; `lifecycle` is how processes live and end; `bus`, `pool` and `listener` are events; `calls` is
//! who waits for what; `rpc` is THE table of methods; `shutdown` is the daemon's own end.

#![forbid(unsafe_code)]

pub mod action;
mod bus;
mod calls;
mod engine;
mod group;
pub mod handover;
mod info;
pub mod input;
mod lifecycle;
mod listener;
mod local;
mod membership;
mod payload;
mod pool;
mod process;
mod rpc;
mod shutdown;
mod tick;
mod timers;
mod upgrade;

pub use action::{Action, Answer, LogRead, SpawnOrder};
pub use engine::Engine;
pub use handover::{Handover, HandoverError};
pub use input::{AutoLog, CallId, CommandError, DaemonSignal, Input, ProcessId, Request, SpawnError, Ticket};
pub use local::{Local, LocalTime};
pub use rpc::manual;
