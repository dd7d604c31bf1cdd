//! The words of supervision: states, names, signals, exits, faults, values, limits and THE event table.
//!
//! Every other crate speaks in these terms. Deliberately absent: behaviour (that is `engine`), bytes (that is `wire`),
//! files, clocks and processes (that is `sys`). Nothing here allocates more than it must and nothing can fail but a parse.

#![forbid(unsafe_code)]

pub mod event;
pub mod exit;
pub mod fault;
pub mod level;
pub mod limits;
pub mod name;
pub mod signal;
pub mod state;
pub mod time;
pub mod value;

pub use event::EventType;
pub use exit::ExitStatus;
pub use fault::{Fault, FaultCode};
pub use level::Level;
pub use name::{Channel, Namespec, namespec};
pub use signal::Signal;
pub use state::{ListenerState, ProcessState, SupervisorState};
pub use time::{Moment, WallTime};
pub use value::Value;

/// The version that clients see: the Supervisor whose behaviour this is (`supervisorctl version`, `getSupervisorVersion`).
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// The version of the XML-RPC interface (`getAPIVersion`).
pub const API_VERSION: &str = "3.0";
