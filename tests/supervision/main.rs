//! The daemon as its users meet it: the real binaries, real children and real sockets, one file a chapter.
//!
//! Deliberately absent: what the conformance scenarios compare line by line with the reference, and the web page.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where its world is not as it should be")]

mod cgroups;
mod daemon;
mod ending;
mod endurance;
mod groups;
mod harness;
mod logs;
mod reload;
mod signals;
mod starting;
mod stdin;
mod stopping;
mod trouble;
