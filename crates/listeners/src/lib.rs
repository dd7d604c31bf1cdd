//! Under construction.
pub mod crashmail;
pub mod crashmailbatch;
pub mod crashsms;
pub mod fatalmailbatch;
pub mod httpok;
pub mod memmon;
pub mod pidproxy;
