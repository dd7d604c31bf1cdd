//! The kernel's face: all `unsafe` and all raw system calls of the house, behind a small safe interface.
//!
//! Deliberately absent: decisions. A caller says what is to be done; nothing here keeps state of supervision, logs or
//! retries. No getpw*(3) and no getaddrinfo(3): a static glibc would load modules of another one for them.

pub mod cgroup;
pub mod clock;
pub mod command;
pub mod daemonize;
pub mod errno;
pub mod getent;
pub mod handover;
pub mod helper;
pub mod host;
pub mod limits;
pub mod memory;
pub mod pipes;
pub mod poll;
pub mod privileges;
pub mod process;
pub mod scheduling;
pub mod segment;
pub mod signals;
pub mod sockets;
pub mod spawn;
pub mod terminal;
pub mod users;
pub mod wait;
