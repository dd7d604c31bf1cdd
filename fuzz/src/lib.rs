//! What is fuzzed: one function for each place where bytes come in from outside, with what must hold of any bytes.
//!
//! `runner/` feeds these functions with coverage-guided inputs; `tests/corpus.rs` feeds them with the inputs that were kept,
//! in every ordinary test run. To add a target: a file here, a row in [`TARGETS`], and seeds in corpus/NAME/.
//! Deliberately absent: the fuzzer itself, so that this crate builds and runs like any other.

#![forbid(unsafe_code)]
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a target tells what it finds by a panic")]

mod ansi;
mod basic;
mod config;
mod control;
mod conversation;
mod cuts;
mod drive;
mod handover;
mod host;
mod http;
mod notification;
mod shlex;
mod statefile;
mod tokens;
mod xmlrpc;

/// A place where bytes come in.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// What is read, and what must hold.
    pub about: &'static str,
    /// Reads some bytes; panics where something does not hold.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "config",
        about: "configuration files: places are true, the result survives JSON",
        run: config::run,
    },
    Target {
        name: "http",
        about: "the front over TCP: it answers or closes, and asks nobody without a password",
        run: http::run,
    },
    Target {
        name: "xmlrpc",
        about: "calls and responses: what is decoded is encoded and decoded alike",
        run: xmlrpc::run,
    },
    Target { name: "conversation", about: "what listeners say to the daemon, in any pieces", run: conversation::run },
    Target { name: "notification", about: "what the daemon says to listeners, in any pieces", run: notification::run },
    Target {
        name: "tokens",
        about: "communication tokens, against a plain search in the whole output",
        run: tokens::run,
    },
    Target { name: "ansi", about: "control sequences, against a plain search in the whole output", run: ansi::run },
    Target { name: "handover", about: "the state of an engine as JSON, restored and driven on", run: handover::run },
    Target {
        name: "statefile",
        about: "the state file of a daemon that died, restored and driven on",
        run: statefile::run,
    },
    Target { name: "shlex", about: "commands: words that are quoted are read again", run: shlex::run },
    Target { name: "basic", about: "Authorization headers: what is shown is what was written", run: basic::run },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
