//! Text to typed configuration. Under construction.

#![forbid(unsafe_code)]

pub mod types;

pub use types::*;
