//! The front over real sockets, with a control that answers from a script instead of an engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests say what they expect, too"
)]

mod connections;
mod handover;
mod rpc;
mod support;
mod tails;
mod web;
