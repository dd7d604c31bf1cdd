//! Text to typed configuration: the ini format with places, THE directive tables, expansions, includes, diff, sample and
//! manual.
//!
//! Deliberately absent: the world. Files, users and the environment are asked of a [`Host`].

#![forbid(unsafe_code)]

mod flags;
mod host;
mod problem;
pub mod types;

pub use flags::{CtlConfig, Flags, search, search_paths};
pub use host::{Account, Host, ReadError};
pub use problem::{Errors, Place, Problem};
pub use types::*;
