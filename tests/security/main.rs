//! Claims of docs/security.md, each shown with the real daemon: who gets in, what a request may cost, and what nobody reaches.
//!
//! Deliberately absent: fuzzing (`fuzz/`), and what the front's own tests show in a smaller world (crates/daemon/tests/front).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where its world is not as it should be")]

mod children;
mod crowds;
mod doors;
#[allow(dead_code, reason = "the other chapters of the house use the rest")]
#[path = "../supervision/harness.rs"]
mod harness;
mod requests;
mod wire;
