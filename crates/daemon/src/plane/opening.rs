//! How a path becomes a sink: opened, shared with whoever has it open already, or waited for.
//!
//! A path that stands for a descriptor of the daemon (`/dev/stdout`) is never rotated, and used as it is where it cannot be
//! opened. Deliberately absent: what is written, and what becomes of a sink in trouble.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, fstat};

use super::file::{LogFile, open_private, open_to_append};
use super::sink::{Key, Kind, SinkId, Sinks};
use super::stream::Stream;

type Opener = fn(&Path) -> io::Result<OwnedFd>;

impl Sinks {
    /// Open the sink of a path, or share it.
    ///
    /// # Errors
    /// Those of open(2); also for a file that is open but cannot be written for now.
    pub fn open(&mut self, path: &Path, maxbytes: u64, backups: u32) -> io::Result<SinkId> {
        self.open_by(open_to_append, path, maxbytes, backups)
    }

    /// Open the sink of an AUTO log, which is made here if nobody has yet.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_auto(&mut self, path: &Path, maxbytes: u64, backups: u32) -> io::Result<SinkId> {
        self.open_by(open_private, path, maxbytes, backups)
    }

    fn open_by(&mut self, open: Opener, path: &Path, maxbytes: u64, backups: u32) -> io::Result<SinkId> {
        let rotated = if is_descriptor(path) { 0 } else { maxbytes };
        let key = Key::File { path: path.into(), maxbytes: rotated, backups };
        if let Some(&id) = self.by_key.get(&key) {
            return self.share_file(id);
        }
        let opened = match open(path) {
            Ok(opened) => opened,
            Err(error) => return self.open_inherited(path, error),
        };
        let found = fstat(&opened)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            let file = LogFile::new(path.into(), opened, rotated, backups);
            return Ok(self.insert(key, Kind::File(file)));
        }
        self.stream((found.st_dev, found.st_ino), || Ok(Stream::own(path, opened)))
    }

    /// Open the daemon's own stdout.
    ///
    /// A plain file is written through the descriptor itself, so that stderr, which may lead to the same file, goes on
    /// where this ends.
    ///
    /// # Errors
    /// There is none.
    pub fn open_stdout(&mut self) -> io::Result<SinkId> {
        let found = fstat(io::stdout())?;
        if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile {
            return self.share_stream(Path::new(STDOUT), &io::stdout());
        }
        self.open(Path::new(STDOUT), 0, 0)
    }

    /// A descriptor that this process was started with may belong to another user or be a socket: then it cannot be
    /// opened by its path, but it can be used as it is.
    fn open_inherited(&mut self, path: &Path, error: io::Error) -> io::Result<SinkId> {
        match inherited(path) {
            Some(1) => self.share_stream(path, &io::stdout()),
            Some(2) => self.share_stream(path, &io::stderr()),
            _ => Err(error),
        }
    }

    fn share_stream(&mut self, path: &Path, fd: &impl AsFd) -> io::Result<SinkId> {
        let found = fstat(fd)?;
        self.stream((found.st_dev, found.st_ino), || Stream::shared(path, fd.as_fd()))
    }

    fn share_file(&mut self, id: SinkId) -> io::Result<SinkId> {
        let Some(sink) = self.open.get_mut(&id) else { return Err(io::ErrorKind::NotFound.into()) };
        if let Kind::File(file) = &mut sink.kind {
            if file.in_trouble() {
                file.retry(&mut self.notices)?;
            } else if file.is_replaced() {
                file.reopen(&mut self.notices);
            }
        }
        sink.users += 1;
        self.note_trouble(id);
        Ok(id)
    }

    /// The stream of this device and inode: the one that is open, or a new one.
    fn stream(&mut self, place: (u64, u64), make: impl FnOnce() -> io::Result<Stream>) -> io::Result<SinkId> {
        let key = Key::Stream(place.0, place.1);
        if let Some((&id, sink)) = self.by_key.get(&key).and_then(|id| Some((id, self.open.get_mut(id)?))) {
            sink.users += 1;
            return Ok(id);
        }
        let stream = make()?;
        Ok(self.insert(key, Kind::Stream(stream)))
    }

    /// Open what was open under another daemon: if it cannot be opened now, what is written to it waits.
    pub fn open_again(&mut self, path: &Path, maxbytes: u64, backups: u32) -> SinkId {
        match self.open(path, maxbytes, backups) {
            Ok(id) => id,
            Err(_) => {
                let maxbytes = if is_descriptor(path) { 0 } else { maxbytes };
                let key = Key::File { path: path.into(), maxbytes, backups };
                if let Some((&id, sink)) = self.by_key.get(&key).and_then(|id| Some((id, self.open.get_mut(id)?))) {
                    sink.users += 1;
                    return id;
                }
                let id = self.insert(key, Kind::File(LogFile::absent(path.into(), maxbytes, backups)));
                self.note_trouble(id);
                id
            }
        }
    }
}

/// Paths that stand for an open descriptor are never rotated, even if they lead to a plain file.
fn is_descriptor(path: &Path) -> bool {
    inherited(path).is_some() || path.starts_with("/proc")
}

/// The number of the descriptor that a path such as /dev/stdout stands for.
fn inherited(path: &Path) -> Option<u32> {
    let text = path.to_str()?;
    match text {
        "/dev/stdout" => Some(1),
        "/dev/stderr" => Some(2),
        _ => text.strip_prefix("/dev/fd/").or_else(|| text.strip_prefix("/proc/self/fd/"))?.parse().ok(),
    }
}

/// The daemon's own stdout as a path.
const STDOUT: &str = "/dev/stdout";
