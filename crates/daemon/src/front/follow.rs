//! Following a log file across rotation, truncation and removal without losing a byte that is still on the disk.
//!
//! A file is known by its inode, not by its name: while it is open here its number is not given to another. When the name leads
//! to another file, what is left of the old one is read, then the files between (the log may have been rotated several times
//! since the last look: they are `NAME.1`, `NAME.2` …), then the new one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::logread::open;

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;
/// Backups that are searched for the file that was read last.
const BACKUPS: usize = 1000;
/// What a client is told when a log was cut short (the reference's words).
const TRUNCATED: &[u8] = b"==> File truncated <==\n";

/// A log that is followed.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    current: Opened,
    /// Files that come after the current one, the oldest first.
    next: VecDeque<Opened>,
}

#[derive(Debug)]
struct Opened {
    file: File,
    inode: (u64, u64),
    position: u64,
}

impl Opened {
    fn new(path: &Path) -> io::Result<Self> {
        let (file, _) = open(path)?;
        let found = file.metadata()?;
        Ok(Self { inode: (found.dev(), found.ino()), file, position: 0 })
    }

    /// Two short files may end within one tick of the kernel's clock, so the time of their making counts too.
    fn is_later_than(&self, other: &Self) -> bool {
        let (Ok(this), Ok(other)) = (self.file.metadata(), other.file.metadata()) else { return false };
        let later = |this: io::Result<SystemTime>, other: io::Result<SystemTime>| matches!((this, other), (Ok(this), Ok(other)) if this > other);
        later(this.modified(), other.modified()) || later(this.created(), other.created())
    }
}

impl Follower {
    /// Opens a log; the first piece begins so many bytes before its end.
    ///
    /// # Errors
    /// There is none, or it is no file.
    pub fn open(path: PathBuf, last: u64) -> io::Result<Self> {
        let mut current = Opened::new(&path)?;
        let size = current.file.metadata()?.len();
        // A shorter log is shown whole.
        current.position = size.saturating_sub(last);
        Ok(Self { path, current, next: VecDeque::new() })
    }

    /// When the log was written to last.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn modified(&self) -> io::Result<SystemTime> {
        self.current.file.metadata()?.modified()
    }

    /// What has come since the last piece; empty if nothing.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let size = self.current.file.metadata()?.len();
            if size < self.current.position {
                self.current.position = 0;
                return Ok(TRUNCATED.to_vec());
            }
            if size > self.current.position {
                let piece = self.read()?;
                if !piece.is_empty() {
                    return Ok(piece);
                }
            }
            if !self.move_on() {
                return Ok(Vec::new());
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let current = &mut self.current;
        current.file.seek(SeekFrom::Start(current.position))?;
        let mut piece = Vec::new();
        (&mut current.file).take(PIECE as u64).read_to_end(&mut piece)?;
        current.position += piece.len() as u64;
        Ok(piece)
    }

    /// Goes on to the file that follows the current one, which has been read to its end; false if there is none yet.
    fn move_on(&mut self) -> bool {
        if self.next.is_empty() {
            self.next = self.successors();
            // The current file may have grown between the last read and its renaming: it is read once more first.
            if !self.next.is_empty() && self.has_grown() {
                return true;
            }
        }
        match self.next.pop_front() {
            Some(next) => {
                self.current = next;
                true
            }
            None => false,
        }
    }

    fn has_grown(&self) -> bool {
        self.current.file.metadata().is_ok_and(|found| found.len() > self.current.position)
    }

    /// The files that were begun after the current one, the oldest first; none while the name still leads to it.
    fn successors(&self) -> VecDeque<Opened> {
        let mut found = VecDeque::new();
        let Ok(newest) = Opened::new(&self.path) else { return found };
        if newest.inode == self.current.inode {
            return found;
        }
        found.push_front(newest);
        for number in 1..=BACKUPS {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            match Opened::new(Path::new(&name)) {
                Ok(backup) if backup.inode == self.current.inode => return found,
                // The log was rotated while the backups were looked at: this one is known already.
                Ok(backup) if found.iter().any(|known| known.inode == backup.inode) => {}
                Ok(backup) => found.push_front(backup),
                Err(_) => break,
            }
        }
        // The current file is not among the backups: it was removed. What was written after it is still to be read; what
        // is older is not. The newest is the last, and is read whatever its time.
        let newest = found.pop_back();
        found.retain(|backup| backup.is_later_than(&self.current));
        found.extend(newest);
        found
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::Follower;

    fn append(path: &Path, text: &str) {
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn all(follower: &mut Follower) -> String {
        let mut text = Vec::new();
        loop {
            let piece = follower.next().unwrap();
            if piece.is_empty() {
                return String::from_utf8(text).unwrap();
            }
            text.extend(piece);
        }
    }

    #[test]
    fn a_tail_begins_near_the_end_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, "0123456789");
        let mut follower = Follower::open(path.clone(), 4).unwrap();
        assert_eq!(all(&mut follower), "6789");
        append(&path, "abc");
        assert_eq!(all(&mut follower), "abc");
    }

    #[test]
    fn several_rotations_between_two_looks_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let backup = |number: u32| folder.path().join(format!("log.{number}"));
        append(&path, "one ");
        let mut follower = Follower::open(path.clone(), 1024).unwrap();
        assert_eq!(all(&mut follower), "one ");
        for (rotations, word) in [(0, "two "), (1, "three "), (2, "four "), (3, "five ")] {
            append(&path, word);
            for number in (1..=rotations).rev() {
                fs::rename(backup(number), backup(number + 1)).unwrap();
            }
            fs::rename(&path, backup(1)).unwrap();
        }
        append(&path, "six");
        assert_eq!(all(&mut follower), "two three four five six");
        append(&path, " seven");
        assert_eq!(all(&mut follower), " seven");
    }

    #[test]
    fn a_file_that_was_removed_by_rotation_does_not_take_the_later_ones_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, "one ");
        let mut follower = Follower::open(path.clone(), 1024).unwrap();
        assert_eq!(all(&mut follower), "one ");
        fs::remove_file(&path).unwrap();
        for (name, word, second) in [("log.2", "three ", 2), ("log.1", "four ", 3), ("log", "five", 4)] {
            let made = folder.path().join(name);
            append(&made, word);
            let time = std::time::SystemTime::now() + std::time::Duration::from_secs(second);
            fs::File::options().write(true).open(&made).unwrap().set_modified(time).unwrap();
        }
        assert_eq!(all(&mut follower), "three four five");
    }

    #[test]
    fn a_log_that_was_removed_or_cut_short_is_followed_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&folder.path().join("log.1"), "older");
        let before = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        append(&path, "old");
        fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        let mut follower = Follower::open(path.clone(), 1024).unwrap();
        assert_eq!(all(&mut follower), "old");
        fs::remove_file(&path).unwrap();
        assert_eq!(all(&mut follower), "");
        append(&path, "new and long");
        assert_eq!(all(&mut follower), "new and long");
        fs::write(&path, "short").unwrap();
        assert_eq!(all(&mut follower), "==> File truncated <==\nshort");
    }
}
