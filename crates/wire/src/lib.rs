//! Bytes ↔ values: XML-RPC, the listener protocol, communication tokens, ANSI stripping, credentials, command splitting.
//!
//! Everything here is pure and incremental where bytes come in pieces: what a parser holds is bounded, and no input makes
//! it panic. Deliberately absent: HTTP (the front's and ctl's library does it), sockets and files, and what a value means.

#![forbid(unsafe_code)]

pub mod ansi;
pub mod credentials;
pub mod listener;
pub mod python;
pub mod shlex;
pub mod tokens;
pub mod xmlrpc;
