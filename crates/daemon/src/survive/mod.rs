//! What outlives the daemon: it notes its programs in the state file, and one that is started after a crash goes on with
//! them.
//!
//! `record` is the form of the file, `keeper` the thread that writes it, `past` what is found of a daemon that died, and
//! `orphan` a program of it that still runs. Deliberately absent: fsync (only the daemon's death is to be survived, not the
//! machine's), and what the engine makes of it.

mod keeper;
mod orphan;
mod past;
mod record;

pub use keeper::Keeper;
pub use orphan::Orphan;
pub use past::{Legacy, Past};
pub use record::{Header, Kept, Record};
