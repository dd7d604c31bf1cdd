//! All sinks that are open, each once however many programs write to it.
//!
//! A file that two programs name is one sink, so that it is rotated once; a pipe that two paths lead to is one sink, so
//! that what the programs write is not mixed within a piece. Deliberately absent: what is written to which (that is
//! `channel`), and syslog, which has no path.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use model::{Level, Moment};
use sys::poll::{Interest, Poll};

use super::file::{LogFile, open_to_append};
use super::handing::HeldSink;
use super::in_flight::Notes;
use super::stream::Stream;

/// What is read at once from a pipe whose bytes are looked at, or go to a stream.
pub const SMALL_READ: usize = 64 * 1024;
/// What is read at once from a pipe whose bytes only go to a file.
pub const LARGE_READ: usize = 256 * 1024;

/// What the sinks have to say, for the daemon's own log.
pub type Notices = Vec<(Level, String)>;

/// An open sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SinkId(u32);

impl SinkId {
    /// Its number, as a token of the loop.
    pub const fn token(self) -> u64 {
        self.0 as u64
    }

    /// The sink of a token.
    pub fn of_token(token: u64) -> Self {
        Self(u32::try_from(token).unwrap_or(u32::MAX))
    }
}

/// What a sink is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A plain file, with rotation.
    File(LogFile),
    /// A pipe, a terminal, a socket, a device.
    Stream(Stream),
    /// Stands for a defect: whoever writes to it panics.
    #[cfg(test)]
    Defective,
}

/// By what an open sink is known again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    File {
        path: PathBuf,
        maxbytes: u64,
        backups: u32,
    },
    /// Device and inode.
    Stream(u64, u64),
}

/// One of them.
#[derive(Debug)]
pub(super) struct Sink {
    key: Key,
    pub(super) kind: Kind,
    /// How many channels write to it; with none it stays only until what waits for it is written.
    pub(super) users: u32,
    /// The poll has been told to wait for it.
    watched: bool,
    /// Tokens of channels that are not read until it takes bytes again.
    held: BTreeSet<u64>,
}

/// All open sinks.
#[derive(Debug, Default)]
pub struct Sinks {
    /// Each by itself: a table keeps up to twice the room of what is in it.
    pub(super) open: HashMap<SinkId, Box<Sink>>,
    pub(super) by_key: HashMap<Key, SinkId>,
    next: u32,
    /// Files that want to be tried again.
    troubled: BTreeSet<SinkId>,
    /// Streams that may have to be watched, or no longer.
    touched: BTreeSet<SinkId>,
    /// What there is to tell.
    pub notices: Notices,
    /// Where the way of output is noted.
    pub notes: Option<Notes>,
}

impl Sinks {
    pub(super) fn insert(&mut self, key: Key, kind: Kind) -> SinkId {
        let id = SinkId(self.next);
        self.next = self.next.wrapping_add(1);
        self.by_key.insert(key.clone(), id);
        self.open.insert(id, Box::new(Sink { key, kind, users: 1, watched: false, held: BTreeSet::new() }));
        id
    }

    /// Write to a sink, now or later. Never fails, never waits.
    pub fn write(&mut self, id: SinkId, data: &[u8]) {
        self.put(id, data, None);
    }

    /// The same, of what was read from a pipe: noted, so that another daemon can finish it.
    pub fn write_output(&mut self, id: SinkId, data: &[u8]) {
        let notes = self.notes.clone();
        self.put(id, data, notes.as_ref());
    }

    /// What is written next is output of which so many bytes are written.
    pub fn resume_output(&self, written: usize) {
        self.notes.iter().for_each(|notes| notes.skip(written));
    }

    fn put(&mut self, id: SinkId, data: &[u8], notes: Option<&Notes>) {
        let Some(sink) = self.open.get_mut(&id) else { return };
        match &mut sink.kind {
            Kind::File(file) => {
                file.write(data, notes, &mut self.notices);
                self.note_trouble(id);
            }
            Kind::Stream(stream) => {
                stream.write(data, &mut self.notices);
                notes.iter().for_each(|notes| notes.taken(data.len()));
                if stream.is_waiting() {
                    self.touched.insert(id);
                }
            }
            #[cfg(test)]
            Kind::Defective => std::panic::resume_unwind(Box::new("a defect")),
        }
    }

    /// True while so much waits for it that its programs are not to be read.
    pub fn is_full(&self, id: SinkId) -> bool {
        matches!(self.open.get(&id).map(Box::as_ref), Some(Sink { kind: Kind::Stream(stream), .. }) if stream.is_full())
    }

    /// The channel of this token is not read until the sink takes bytes again.
    pub fn hold(&mut self, id: SinkId, token: u64) {
        if let Some(sink) = self.open.get_mut(&id) {
            sink.held.insert(token);
        }
    }

    /// One channel less writes to it. What waits for it is still written.
    pub fn release(&mut self, id: SinkId) {
        if let Some(sink) = self.open.get_mut(&id) {
            sink.users = sink.users.saturating_sub(1);
        }
        self.close_unused(id);
    }

    fn close_unused(&mut self, id: SinkId) {
        let unused = self.open.get(&id).is_some_and(|sink| {
            sink.users == 0
                && match &sink.kind {
                    Kind::File(file) => !file.has_backlog(),
                    Kind::Stream(stream) => !stream.is_waiting(),
                    #[cfg(test)]
                    Kind::Defective => true,
                }
        });
        if unused {
            if let Some(sink) = self.open.remove(&id) {
                self.by_key.remove(&sink.key);
            }
            self.troubled.remove(&id);
            self.touched.remove(&id);
        }
    }

    /// Close and open it again, as after SIGUSR2. Streams stay as they are.
    pub fn reopen(&mut self, id: SinkId) {
        if let Some(Sink { kind: Kind::File(file), .. }) = self.open.get_mut(&id).map(Box::as_mut) {
            file.reopen(&mut self.notices);
            self.note_trouble(id);
        }
    }

    /// A file that cannot be written is tried again later.
    pub(super) fn note_trouble(&mut self, id: SinkId) {
        if self.file(id).is_some_and(LogFile::in_trouble) {
            self.troubled.insert(id);
        }
    }

    /// What waits, for a successor.
    pub fn so_far(&mut self) -> Vec<HeldSink> {
        let mut held = Vec::new();
        for sink in self.open.values() {
            let ((bytes, lost), (path, maxbytes, backups)) = match (&sink.kind, &sink.key) {
                (Kind::File(file), Key::File { path, maxbytes, backups }) => {
                    (file.so_far(), (path.clone(), *maxbytes, *backups))
                }
                (Kind::Stream(stream), _) => (stream.so_far(), (stream.name().into(), 0, 0)),
                _ => continue,
            };
            if !bytes.is_empty() || lost > 0 {
                held.push(HeldSink { path, maxbytes, backups, bytes, lost });
            }
        }
        held
    }

    /// Go on with what waited for a sink under another daemon.
    pub fn resume(&mut self, held: HeldSink) {
        let id = self.open_again(&held.path, held.maxbytes, held.backups);
        match self.open.get_mut(&id).map(|sink| &mut sink.kind) {
            Some(Kind::File(file)) => file.resume(held.bytes, held.lost),
            Some(Kind::Stream(stream)) => stream.resume(held.bytes, held.lost),
            _ => {}
        }
        self.touched.insert(id);
        self.note_trouble(id);
        self.release(id);
    }

    /// All that are open.
    pub fn ids(&self) -> Vec<SinkId> {
        let mut ids: Vec<SinkId> = self.open.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Remove and reopen the file; a stream has nothing to clear.
    ///
    /// # Errors
    /// It cannot be removed or opened.
    pub fn clear(&mut self, id: SinkId) -> io::Result<()> {
        let Some(Sink { kind: Kind::File(file), .. }) = self.open.get_mut(&id).map(Box::as_mut) else { return Ok(()) };
        let cleared = file.clear(&mut self.notices);
        self.note_trouble(id);
        cleared
    }

    /// Empty a log that its program has not open; others may.
    ///
    /// # Errors
    /// It cannot be removed or made anew.
    pub fn clear_closed(&mut self, path: &Path) -> io::Result<()> {
        let of_path = |key: &Key| matches!(key, Key::File { path: open, .. } if open == path);
        if let Some(id) = self.by_key.iter().find_map(|(key, id)| of_path(key).then_some(*id)) {
            return self.clear(id);
        }
        if !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return Ok(());
        }
        std::fs::remove_file(path)?;
        open_to_append(path).map(drop)
    }

    /// How many bytes may be read for it at once, so that a rotated file is not much larger than its limit.
    pub fn room(&self, id: SinkId) -> usize {
        self.file(id).map_or(SMALL_READ, |file| file.room(SMALL_READ, LARGE_READ))
    }

    /// When the first file in trouble wants to be tried again.
    pub fn due(&self) -> Option<Moment> {
        self.troubled.iter().filter_map(|id| self.file(*id)?.due()).min()
    }

    fn file(&self, id: SinkId) -> Option<&LogFile> {
        match self.open.get(&id).map(Box::as_ref) {
            Some(Sink { kind: Kind::File(file), .. }) => Some(file),
            _ => None,
        }
    }

    /// Try the files in trouble whose time has come; with `None` all of them.
    pub fn retry(&mut self, now: Option<Moment>) {
        for id in self.troubled.clone() {
            let due = self.file(id).and_then(LogFile::due);
            let Some(Sink { kind: Kind::File(file), .. }) = self.open.get_mut(&id).map(Box::as_mut) else { continue };
            if now.is_none() || due.is_some_and(|due| Some(due) <= now) {
                let _ = file.retry(&mut self.notices);
            }
            if !file.in_trouble() {
                self.troubled.remove(&id);
                self.close_unused(id);
            }
        }
    }

    /// The stream takes bytes again. Returns the channels that may be read again.
    pub fn flush(&mut self, id: SinkId) -> BTreeSet<u64> {
        let Some(sink) = self.open.get_mut(&id) else { return BTreeSet::new() };
        let Kind::Stream(stream) = &mut sink.kind else { return BTreeSet::new() };
        stream.flush(&mut self.notices);
        self.touched.insert(id);
        if stream.is_full() { BTreeSet::new() } else { std::mem::take(&mut sink.held) }
    }

    /// Streams that wait to be written.
    pub fn waiting(&self) -> bool {
        self.open.values().any(|sink| matches!(&sink.kind, Kind::Stream(stream) if stream.is_waiting()))
    }

    /// Have the poll wait for those streams for which something waits, and for no others.
    ///
    /// # Errors
    /// The poll is out of memory or of watches.
    pub fn watch(&mut self, poll: &Poll, token: impl Fn(SinkId) -> u64) -> io::Result<()> {
        let mut result = Ok(());
        for id in std::mem::take(&mut self.touched) {
            let Some(sink) = self.open.get_mut(&id) else { continue };
            let Kind::Stream(stream) = &sink.kind else { continue };
            if stream.is_waiting() && !sink.watched {
                match poll.add(stream, token(id), Interest::Write) {
                    Ok(()) => sink.watched = true,
                    Err(error) => result = Err(error),
                }
            } else if !stream.is_waiting() && sink.watched {
                let _ = poll.remove(stream);
                sink.watched = false;
            }
            self.close_unused(id);
        }
        result
    }

    /// A sink that panics when it is written to.
    #[cfg(test)]
    pub fn defective(&mut self) -> SinkId {
        self.insert(Key::Stream(u64::MAX, u64::MAX), Kind::Defective)
    }
}
