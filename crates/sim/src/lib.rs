//! The real engine in a made-up machine: programs that start slowly, die early, ignore signals, flood and fork, listeners that
//! lie, clients that hang up, spawns that fail, clocks that are set, a daemon that crashes at any instant. All of it
//! follows from a seed, so that a failure is a number.
//!
//! `rng` is chance, `scene` the configuration, `machine` time and the daemon's shell, `kernel` children, `actors` what programs,
//! listeners and clients do, `restart` crashes and upgrades, `invariants` what must hold after every step, `sabotage` worlds
//! in which it does not, `run` one run from its seed to its end.
//! Deliberately absent: real time, real processes, and any knowledge of how the engine works inside.

#![forbid(unsafe_code)]

mod actors;
mod invariants;
mod kernel;
mod machine;
mod restart;
mod rng;
mod run;
mod sabotage;
mod scene;

pub use run::{Failure, Report, run, run_broken};
pub use sabotage::Sabotage;
