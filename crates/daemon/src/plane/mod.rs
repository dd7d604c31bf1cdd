//! The plane moves what children write to its sinks. Under construction.

pub mod messages;

pub use messages::{ChannelOrder, Order, Report};
