//! Text to typed configuration: the ini format with places, THE directive tables, expansions, includes, diff, sample and
//! manual.
//!
//! Deliberately absent: the world. Files, users and the environment are asked of a [`Host`].

#![forbid(unsafe_code)]

mod defaults;
mod diff;
mod expand;
mod flags;
mod host;
mod ini;
mod lint;
mod manual;
mod pairs;
mod problem;
mod python;
mod read;
mod sample;
pub mod tables;
pub mod types;
pub mod value;

pub use diff::{Diff, diff, same_group, same_process};
pub use flags::{CtlConfig, Flags, search, search_paths};
pub use host::{Account, Host, ReadError};
pub use manual::manual;
pub use problem::{Errors, Place, Problem};
pub use python::repr as quoted;
pub use read::{Report, check, check_as, load, load_ctl};
pub use sample::sample;
pub use types::*;
