//! Upgrade in place: the daemon hands everything over to the program that stands at its path now, by execve(2). The process
//! stays the same, so its children are still its children.
//!
//! `prove` asks the other program whether it accepts the state, before anything changes; `form` is what is handed over, and
//! `descriptor` how pipes and sockets are named in it. Control comes to rest first (`control::upgrading`) and collects
//! (`control::handing`). If execve(2) itself fails, this program takes up again what it has just left. Deliberately absent:
//! a way back after the other program has begun (a crash then is survived as any other).

mod descriptor;
mod form;
mod prove;

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;

pub use descriptor::{Descriptor, Taker};
pub use form::{About, ChannelState, FrontState, Parcel, Unheard};
pub use prove::{PROVE, Proven, answer, own_path, prove};

/// The variable that tells a successor where the handover is.
pub const VARIABLE: &str = "SUPERVISORD_HANDOVER";

/// Has the other program look at all of it, and becomes it. Comes back only if that is not possible, with the reason; then everything is as it was left.
///
/// # Errors
/// None that are known.
pub fn go(parcel: &Parcel) -> io::Result<String> {
    // It has seen a draft; now it sees everything, while everything stands still.
    if let Err(reason) = prove(parcel) {
        return Ok(reason);
    }
    let written = |text: Vec<u8>| {
        sys::handover::text("supervisord-handover", &text).map_err(|error| format!("no memory: {error}"))
    };
    let text = match parcel.encode().and_then(written) {
        Ok(text) => text,
        Err(reason) => return Ok(reason),
    };
    let left = Descriptor::leave(text)?;
    let passed = parcel.descriptors().chain([left]).try_for_each(|one| sys::handover::pass_on(one.left()));
    let path = &parcel.about.path;
    let error = match passed {
        Ok(()) => sys::handover::become_program(path, (VARIABLE, &left.written())),
        Err(error) => error,
    };
    // Nobody else is to have it.
    drop(Taker::default().take(left));
    Ok(format!("{} cannot be run: {}", path.display(), sys::errno::of(&error)))
}

/// In the successor: the handover that the variable tells of.
///
/// # Errors
/// Why it cannot be read.
pub fn come(value: &OsStr) -> Result<Parcel, String> {
    let bad = || format!("{VARIABLE} is no handover: {}", value.display());
    let left = value.to_str().and_then(Descriptor::parse).ok_or_else(bad)?;
    let read = |fd: OwnedFd| sys::handover::read(&fd);
    let text = Taker::default().take(left).and_then(read).map_err(|error| format!("{}: {error}", bad()))?;
    Parcel::decode(&text)
}
