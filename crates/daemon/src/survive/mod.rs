//! What outlives the daemon: it notes its programs in the state file, and one that is started after a crash goes on with
//! them.
//!
//! `record` is the form of the file, `keeper` the thread that writes it, `memory` holds output that is in hand, `past` what is found of a daemon that died,
//! `unrecorded` what its file does not tell, `orphan` a program of it that still
//! runs, `ending` what ends those that are not adopted. Deliberately absent: fsync (only the daemon's death is to be survived, not the
//! machine's), and what the engine makes of it.

mod ending;
mod keeper;
pub mod memory;
mod orphan;
mod past;
mod record;
mod unrecorded;

pub use keeper::Keeper;
pub use orphan::Orphan;
pub use past::{Legacy, Past};
pub use record::{Header, Kept, Record};

/// What a state file with these bytes says, as the daemon takes it over if all of its programs still run.
///
/// # Errors
/// It is no state file, or of a form that is not known here.
pub fn handover_of(file: &[u8]) -> Result<engine::Handover, String> {
    let written = record::parse(file)?;
    Ok(engine::Handover::of_groups(written.groups, written.next_serial, model::WallTime::default()))
}
