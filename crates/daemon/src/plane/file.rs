//! A log file: written to append, rotated by size, kept through every trouble.
//!
//! The rules are the reference's: rotation follows the write that reaches the limit, the whole piece stays in the old
//! file, without backups the file is emptied, and what was in the file at its opening counts. Bytes are copied with
//! read(2) and write(2): splice(2) refuses a file that is opened to append, and without that a truncation by somebody else
//! would leave a hole of zero bytes. With buffers of 256 KiB it is no faster either (measured on ext4 and tmpfs).
//! Deliberately absent: pipes and terminals (that is `stream`).

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Level, Moment, limits};
use rustix::fs::{FileType, Mode, OFlags, SeekFrom, Stat, fstat, ftruncate, open, seek, stat};
use sys::errno;

use super::backlog::Backlog;
use super::in_flight::Notes;
use super::rotate;
use super::sink::Notices;

/// The first pause before a file in trouble is tried again; it doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a file in trouble is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How much is written before the limit is looked at, when a backlog is written.
const PIECE: usize = 64 * 1024;

/// A log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    maxbytes: u64,
    backups: u32,
    file: Option<OwnedFd>,
    /// Its size after the last write, if it is rotated.
    size: u64,
    /// The size from which it is to be rotated: `maxbytes`, or more after a rotation that failed.
    rotate_at: u64,
    rotation_failed: bool,
    backlog: Backlog,
    trouble: Option<Trouble>,
}

/// The file cannot be written for now.
#[derive(Debug)]
struct Trouble {
    retry: Moment,
    pause: Duration,
}

impl LogFile {
    /// A file that has just been opened by `open_to_append`.
    pub const fn new(path: PathBuf, file: OwnedFd, maxbytes: u64, backups: u32) -> Self {
        Self {
            path,
            maxbytes,
            backups,
            file: Some(file),
            size: 0,
            rotate_at: maxbytes,
            rotation_failed: false,
            backlog: Backlog::new(),
            trouble: None,
        }
    }

    /// A file that is to be opened: what is written to it waits until it can be.
    pub fn absent(path: PathBuf, maxbytes: u64, backups: u32) -> Self {
        let trouble = Some(Trouble { retry: sys::clock::now(), pause: FIRST_PAUSE });
        let backlog = Backlog::new();
        let (size, rotate_at, rotation_failed) = (0, maxbytes, false);
        Self { path, maxbytes, backups, file: None, size, rotate_at, rotation_failed, backlog, trouble }
    }

    /// What waits for it, and how much was lost so far.
    pub fn so_far(&self) -> (Vec<u8>, u64) {
        self.backlog.so_far()
    }

    /// Go on with what waited for it under another daemon.
    pub fn resume(&mut self, bytes: Vec<u8>, lost: u64) {
        self.backlog.resume(bytes, lost);
        self.trouble = Some(Trouble { retry: sys::clock::now(), pause: FIRST_PAUSE });
    }

    /// Write all of it, now or later; never fails and never waits. With notes it is output that another daemon would have
    /// to finish.
    pub fn write(&mut self, data: &[u8], notes: Option<&Notes>, notices: &mut Notices) {
        if self.trouble.is_some() {
            self.backlog.push_over(data, limits::FILE_BACKLOG);
        } else if let Err((written, error)) = self.put(data, notes, notices) {
            self.backlog.push_over(data.get(written..).unwrap_or_default(), limits::FILE_BACKLOG);
            self.fail(&error, notices);
        }
    }

    /// When it wants to be tried again: only while something waits.
    pub fn due(&self) -> Option<Moment> {
        self.trouble.as_ref().filter(|_| !self.backlog.is_empty()).map(|trouble| trouble.retry)
    }

    /// How many bytes may be written at once: up to the limit, but not less than `least`, and not more than `most`.
    pub fn room(&self, least: usize, most: usize) -> usize {
        if self.maxbytes == 0 {
            return most;
        }
        usize::try_from(self.rotate_at.saturating_sub(self.size)).unwrap_or(most).clamp(least, most)
    }

    /// True while it cannot be written.
    pub const fn in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// True while bytes wait for it.
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Try a file in trouble again: open it, and write what waits.
    ///
    /// # Errors
    /// It still cannot be written.
    pub fn retry(&mut self, notices: &mut Notices) -> io::Result<()> {
        if self.trouble.is_none() {
            return Ok(());
        }
        match self.catch_up(notices) {
            Ok(()) => {
                self.trouble = None;
                let lost = self.backlog.take_lost();
                notices.push((
                    Level::Info,
                    format!("log file {} is written again{}", self.path.display(), lost_words(lost)),
                ));
                Ok(())
            }
            Err(error) => {
                self.put_off();
                Err(error)
            }
        }
    }

    fn catch_up(&mut self, notices: &mut Notices) -> io::Result<()> {
        if self.file.is_none() || self.vanished() {
            self.file = Some(open_to_append(&self.path)?);
        }
        while !self.backlog.is_empty() {
            let mut piece = self.backlog.front();
            piece = piece.get(..PIECE).unwrap_or(piece);
            let piece = piece.to_vec();
            let (written, result) = match self.put(&piece, None, notices) {
                Ok(()) => (piece.len(), Ok(())),
                Err((written, error)) => (written, Err(error)),
            };
            self.backlog.consume(written);
            result?;
        }
        Ok(())
    }

    /// Write, then rotate if it is time. With an error: how much was written before.
    fn put(&mut self, data: &[u8], notes: Option<&Notes>, notices: &mut Notices) -> Result<(), (usize, io::Error)> {
        let mut found = self.look();
        if found.is_some_and(|found| found.st_nlink == 0) {
            // Somebody has removed the file: what is written to it would be gone with it.
            self.file = None;
            self.file = Some(open_to_append(&self.path).map_err(|error| (0, error))?);
            found = self.look();
        }
        let Some(file) = &self.file else { return Err((0, ErrorKind::NotFound.into())) };
        if let Some((notes, found)) = notes.zip(found) {
            notes.writing((found.st_dev, found.st_ino), found.st_size.cast_unsigned(), data.len());
        }
        let mut written = 0;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(file, rest) {
                Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err((written, error.into())),
            }
        }
        if self.maxbytes > 0 {
            // After a write to append the offset is the size, with what others have written or cut off.
            self.size = seek(file, SeekFrom::Current(0)).unwrap_or(0);
            if self.size >= self.rotate_at {
                self.rotate(notices).map_err(|error| (data.len(), error))?;
            }
        }
        Ok(())
    }

    /// True if no name leads to the file any more.
    fn vanished(&self) -> bool {
        self.look().is_some_and(|found| found.st_nlink == 0)
    }

    fn look(&self) -> Option<Stat> {
        fstat(self.file.as_ref()?).ok()
    }

    fn rotate(&mut self, notices: &mut Notices) -> io::Result<()> {
        let done = if self.backups == 0 {
            self.file.as_ref().map_or(Ok(()), |file| ftruncate(file, 0)).map_err(Into::into)
        } else {
            rotate::shift(&self.path, self.backups)
        };
        match done {
            Ok(()) => {
                self.size = 0;
                self.rotate_at = self.maxbytes;
                self.rotation_failed = false;
            }
            Err(error) => {
                // It grows on, and is tried again after some more.
                self.rotate_at = self.size.saturating_add((self.maxbytes / 8).max(PIECE as u64));
                if !std::mem::replace(&mut self.rotation_failed, true) {
                    let name = errno::of(&error);
                    notices.push((Level::Error, format!("can't rotate log file {}: {name}", self.path.display())));
                }
                return Ok(());
            }
        }
        if self.backups > 0 {
            self.file = None;
            self.file = Some(open_to_append(&self.path)?);
        }
        Ok(())
    }

    fn fail(&mut self, error: &io::Error, notices: &mut Notices) {
        self.trouble = Some(Trouble { retry: sys::clock::now().after(FIRST_PAUSE), pause: FIRST_PAUSE });
        notices.push((
            Level::Error,
            format!(
                "can't write to log file {}: {}; up to {} bytes are kept until it can be written again",
                self.path.display(),
                errno::of(error),
                limits::FILE_BACKLOG
            ),
        ));
    }

    fn put_off(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.pause = (trouble.pause * 2).min(LONGEST_PAUSE);
            trouble.retry = sys::clock::now().after(trouble.pause);
        }
    }

    /// Close it and open what its name stands for now.
    pub fn reopen(&mut self, notices: &mut Notices) {
        if self.trouble.is_some() {
            self.file = None;
            let _ = self.retry(notices);
            return;
        }
        self.file = None;
        match open_to_append(&self.path) {
            Ok(file) => {
                self.file = Some(file);
                self.rotate_at = self.maxbytes;
            }
            Err(error) => self.fail(&error, notices),
        }
    }

    /// Remove it and open it anew: it is empty then. What waited is dropped too.
    ///
    /// # Errors
    /// It cannot be removed or opened.
    pub fn clear(&mut self, notices: &mut Notices) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.backlog.clear();
        self.reopen(notices);
        if self.in_trouble() { Err(ErrorKind::Other.into()) } else { Ok(()) }
    }

    /// True if its name stands for another file than the open one, or for none.
    pub fn is_replaced(&self) -> bool {
        let (Some(file), Ok(there)) = (&self.file, stat(&self.path)) else { return true };
        !fstat(file).is_ok_and(|here| (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
    }
}

/// ` (12 bytes were lost)`, or nothing.
pub fn lost_words(lost: u64) -> String {
    if lost == 0 { String::new() } else { format!(" ({lost} bytes were lost)") }
}

/// Open a log to append. Never waits: a FIFO without a reader is opened for both, so that it waits for one to come.
///
/// # Errors
/// Those of open(2).
pub fn open_to_append(path: &Path) -> io::Result<OwnedFd> {
    open_or_make(path, Mode::from_raw_mode(0o666))
}

/// The same; a file that is not there is made for its owner alone.
///
/// # Errors
/// Those of open(2).
pub fn open_private(path: &Path) -> io::Result<OwnedFd> {
    open_or_make(path, Mode::from_raw_mode(0o600))
}

fn open_or_make(path: &Path, mode: Mode) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    match open(path, flags, mode) {
        Err(rustix::io::Errno::NXIO) if is_fifo(path) => {
            Ok(open(path, OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK, mode)?)
        }
        result => Ok(result?),
    }
}

fn is_fifo(path: &Path) -> bool {
    stat(path).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo)
}
