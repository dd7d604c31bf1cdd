//! Rotation of a log file: `log.1` becomes `log.2`, and so on, and `log` becomes `log.1`.
//!
//! Deliberately absent: when, and the opening of the new file (that is `file`); compression.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Make room at `path` by moving it and its old copies up by one; the oldest, above `backups`, is replaced.
///
/// As in the reference, a copy that is missing leaves a gap, and a log that somebody has removed is no error.
///
/// # Errors
/// A file cannot be renamed; those before it have been.
pub fn shift(path: &Path, backups: u32) -> io::Result<()> {
    for number in (1..backups).rev() {
        rename(&numbered(path, number), &numbered(path, number + 1))?;
    }
    if backups > 0 { rename(path, &numbered(path, 1)) } else { Ok(()) }
}

/// What has the new name is removed first: ext4 writes a file out to the disk before it lets it replace another, and the
/// rename would wait for that.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(from).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(());
    }
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The name of an old copy.
pub fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_move_up_and_the_oldest_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for turn in 1..=4 {
            std::fs::write(&log, turn.to_string()).unwrap();
            shift(&log, 2).unwrap();
            assert!(!log.exists());
        }
        assert_eq!(std::fs::read_to_string(numbered(&log, 1)).unwrap(), "4");
        assert_eq!(std::fs::read_to_string(numbered(&log, 2)).unwrap(), "3");
        assert!(!numbered(&log, 3).exists());
        shift(&log, 2).unwrap();
        assert!(!numbered(&log, 1).exists(), "a gap where the log was missing");
    }
}
