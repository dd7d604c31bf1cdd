//! supervisord: three threads, three jobs, and none may wait for another.
//!
//! - `control` owns the engine, the children and their stdin; it never touches a log file or a client's socket.
//! - `plane` moves what children write to its sinks.
//! - `front` serves HTTP to clients.

#![forbid(unsafe_code)]

pub mod check;
pub mod control;
pub mod front;
pub mod mailbox;
pub mod options;
pub mod plane;
mod serving;
mod startup;
mod survive;
mod upgrade;

pub use survive::handover_of;

/// Runs supervisord with the arguments of this process.
#[must_use]
pub fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    startup::main(&arguments)
}

/// Runs `echo_supervisord_conf`: prints the sample configuration.
#[must_use]
pub fn echo_supervisord_conf() -> std::process::ExitCode {
    use std::io::Write;
    // A reader that goes away before the end is no matter.
    let _ = std::io::stdout().write_all(config::sample().as_bytes());
    std::process::ExitCode::SUCCESS
}
