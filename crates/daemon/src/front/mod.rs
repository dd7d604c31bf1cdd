//! The front serves HTTP. Under construction.

pub mod messages;

pub use messages::ClientEvent;
