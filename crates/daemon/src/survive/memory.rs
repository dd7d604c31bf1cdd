//! The memory into which pipes are read: that of a daemon that died, with what it had in hand, or a new one that outlives
//! this daemon.
//!
//! The state file tells a successor where it is, so without one there is none. Deliberately absent: what is in it, and what
//! is made of that (that is `plane`).

use std::io;

use config::DaemonConfig;
use engine::SpawnOrder;
use model::{Channel, Level};

use super::past::{Past, Said, order_of};
use super::record::Header;
use crate::plane::{Buffer, Owner};

/// Memory, and what is to be said of it.
pub type Found = (Buffer, Option<Said>);

/// The memory of a daemon that begins.
///
/// # Errors
/// ENOMEM.
pub fn take(past: &Past, config: &DaemonConfig) -> io::Result<Found> {
    let Some(own) = owner().filter(|_| config.statefile.is_some()) else { return Ok((Buffer::mortal()?, None)) };
    match past {
        // Its state is not kept either.
        Past::Foreign => Ok((Buffer::mortal()?, None)),
        Past::Gone(written) => {
            let Header { pid, start, segment, .. } = written.header;
            take_over(segment, (pid, start), own)
        }
        Past::Nothing => make(own),
    }
}

/// The memory that this daemon had before an upgrade, or its first one if it had none and keeps its state.
///
/// # Errors
/// ENOMEM.
pub fn keep(segment: Option<i32>, keeps_state: bool) -> io::Result<Found> {
    match owner() {
        Some(own) if keeps_state => take_over(segment, own, own),
        _ => Ok((Buffer::mortal()?, None)),
    }
}

fn take_over(segment: Option<i32>, from: Owner, own: Owner) -> io::Result<Found> {
    match segment.map(|id| Buffer::take_over(id, from, own)) {
        Some(Ok(buffer)) => Ok((buffer, None)),
        // Whoever has removed it knows why: there is nothing to say.
        Some(Err(_)) | None => make(own),
    }
}

fn make(own: Owner) -> io::Result<Found> {
    match Buffer::outliving(own) {
        Ok(buffer) => Ok((buffer, None)),
        Err(error) => {
            let why = sys::errno::of(&error);
            let text =
                format!("no shared memory is to be had: {why}; a crash would lose output that is just being logged");
            Ok((Buffer::mortal()?, Some((Level::Warn, text))))
        }
    }
}

fn owner() -> Option<Owner> {
    Header::own(None, None).map(|own| (own.pid, own.start))
}

/// Whose output the dead daemon had in hand, as it would be ordered now.
pub fn in_hand(past: &Past, buffer: &Buffer) -> Option<(SpawnOrder, Channel)> {
    let Past::Gone(written) = past else { return None };
    let (process, channel) = buffer.whose()?;
    Some((order_of(&written.groups, process)?, channel))
}
