//! The only raw system calls of the house.

pub mod host;
