//! The ready-made event listeners (superlance's programs under their names and options) and `pidproxy`.
//!
//! All listeners run over one protocol loop ([`protocol`]); what they share of the outside world is in [`net`] (HTTP,
//! XML-RPC, names), [`mail`] (sendmail and SMTP) and [`child`] (shell commands with a deadline). Each program is a function of a [`stage::Stage`], so that
//! a test can play the daemon for it. Deliberately absent: any knowledge of the engine; these programs see the daemon only
//! as every other listener does.

pub mod batch;
pub mod child;
pub mod clock;
pub mod crashmail;
pub mod httpok;
pub mod mail;
pub mod mailers;
pub mod memmon;
pub mod net;
pub mod options;
pub mod pidproxy;
pub mod protocol;
pub mod python;
pub mod resident;
pub mod stage;
