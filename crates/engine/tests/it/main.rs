//! The rules of supervision, each as a sentence, against the engine alone: the world around it is made up and time jumps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by it")]

mod config_of;
mod ending;
mod events;
mod exhaustive;
mod handover;
mod lifecycle;
mod rpc;
mod shutdown;
mod world;
