//! Output between its pipe and its log: read, and not yet written. It would die with the daemon, so it is read into memory
//! that does not (`sys::segment`), and beside it stands whose it is and how far it has come.
//!
//! A daemon that is killed stands at some instruction, most likely at the end of a system call. So no note depends on the
//! one after a call. Before a read it is known how many bytes are in the pipe, as many are asked for, and the last of those
//! that are to come are zero: if they are not any more, the read has happened. Before a write the file and its size are
//! noted: what was written is what it has grown by. Lost is a read whose last bytes are all zero, if nothing happened after
//! it. Deliberately absent: what is made of it (that is `recovery`).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::ProcessId;
use model::Channel;
use sys::segment::{Bytes, Segment, Words};

use super::sink::LARGE_READ;

/// The form of the notes; another one is not used.
const FORM: u64 = 0x7375_7065_7276_0001;

/// The words, by their places.
#[derive(Clone, Copy)]
enum Word {
    Form,
    /// The daemon whose memory it is: its process id, and when it was started.
    Pid,
    Start,
    Phase,
    Process,
    Channel,
    /// How many bytes the read asked for, and how many it brought.
    Asked,
    Came,
    /// How many bytes of output the sink has been given.
    Given,
    /// Which of the two places counts.
    Current,
    Places,
}

/// How far it has come.
const EMPTY: u64 = 0;
const READING: u64 = 1;
const CAME: u64 = 2;

/// No place counts: nothing has been written.
const NOWHERE: u64 = 2;
/// Words of a place.
const PLACE: usize = 5;
/// By so many bytes at the end it is seen whether a read has happened.
const MARK: usize = 8;

/// Where output is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's device and inode; zero: it is no file, and has taken what was given before.
    pub file: (u64, u64),
    /// The size of the file before.
    pub size: u64,
    /// How many bytes of this read's output were given to the sink before.
    pub before: u64,
    /// How many are being written.
    pub length: u64,
}

/// What another daemon had read and not written.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What came from the pipe.
    pub data: Vec<u8>,
    /// Where it was being written, if it was.
    pub place: Option<Place>,
}

/// By which a daemon is known again: its process id, and when it was started.
pub type Owner = (u32, u64);

/// What all pipes are read into.
#[derive(Debug)]
pub struct Buffer {
    bytes: Bytes,
    notes: Notes,
    id: Option<i32>,
}

/// The notes beside it, for those who write.
#[derive(Clone, Debug)]
pub struct Notes(Words);

impl Buffer {
    /// One that outlives this daemon.
    ///
    /// # Errors
    /// No such memory is to be had: see `Segment::create`.
    pub fn outliving(owner: Owner) -> io::Result<Self> {
        Ok(Self::of(Segment::create(LARGE_READ)?, owner))
    }

    /// One that does not.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn mortal() -> io::Result<Self> {
        Ok(Self::of(Segment::private(LARGE_READ)?, (0, 0)))
    }

    /// That of another daemon, or of this one before an upgrade, with all that is in it; it is ours now.
    ///
    /// # Errors
    /// It is not there any more, or not that daemon's.
    pub fn take_over(id: i32, from: Owner, owner: Owner) -> io::Result<Self> {
        let segment = Segment::attach(id, LARGE_READ)?;
        let notes = Notes(segment.words());
        let owned = notes.get(Word::Pid) == u64::from(from.0) && notes.get(Word::Start) == from.1;
        if !owned || notes.get(Word::Form) != FORM {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Self::of(segment, owner))
    }

    fn of(segment: Segment, owner: Owner) -> Self {
        let (id, notes) = (segment.id(), Notes(segment.words()));
        notes.set(Word::Form, FORM);
        notes.set(Word::Pid, owner.0.into());
        notes.set(Word::Start, owner.1);
        Self { bytes: segment.into_bytes(), notes, id }
    }

    /// By which a successor finds it.
    pub const fn id(&self) -> Option<i32> {
        self.id
    }

    /// The notes, for those who write.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// A read of this channel is about to happen, of as many bytes as there are in its pipe, or fewer: into these. If there
    /// are none, what may come meanwhile is at most a few. Anything that was left of another is forgotten.
    pub fn begin(&mut self, process: ProcessId, channel: Channel, asked: usize) -> &mut [u8] {
        self.end();
        let asked = asked.clamp(MARK, self.bytes.len());
        self.bytes.get_mut(asked - MARK..asked).unwrap_or_default().fill(0);
        self.notes.set(Word::Process, process.0.into());
        self.notes.set(Word::Channel, channel as u64);
        self.notes.set(Word::Asked, asked as u64);
        self.notes.set(Word::Given, 0);
        self.notes.set(Word::Current, NOWHERE);
        self.notes.set(Word::Phase, READING);
        self.bytes.get_mut(..asked).unwrap_or_default()
    }

    /// So many bytes came: these.
    pub fn came(&mut self, count: usize) -> &[u8] {
        self.notes.set(Word::Came, count as u64);
        self.notes.set(Word::Phase, CAME);
        self.bytes.get(..count).unwrap_or_default()
    }

    /// Nothing came, or what came has been handed on.
    pub fn end(&self) {
        self.notes.set(Word::Phase, EMPTY);
    }

    /// As if it had been killed just before the end.
    #[cfg(test)]
    pub fn undo_end(&mut self, data: &[u8]) {
        self.bytes.iter_mut().zip(data).for_each(|(byte, old)| *byte = *old);
        self.came(data.len());
    }

    fn length(&self, word: Word) -> usize {
        usize::try_from(self.notes.get(word)).unwrap_or(usize::MAX).min(self.bytes.len())
    }

    /// What the last read has brought, if it is not noted.
    fn unnoted(&self) -> &[u8] {
        let asked = self.bytes.get(..self.length(Word::Asked)).unwrap_or_default();
        let mark = asked.len().saturating_sub(MARK);
        match asked.iter().rposition(|byte| *byte != 0).filter(|last| *last >= mark) {
            None => &[],
            // Of so few it is not known how many were in the pipe.
            Some(last) if mark == 0 => asked.get(..=last).unwrap_or_default(),
            Some(_) => asked,
        }
    }

    /// Whose output another daemon had in hand.
    pub fn whose(&self) -> Option<(ProcessId, Channel)> {
        if !matches!(self.notes.get(Word::Phase), READING | CAME) {
            return None;
        }
        let channels = [Channel::Stdout, Channel::Stderr];
        let channel = channels.into_iter().find(|channel| *channel as u64 == self.notes.get(Word::Channel))?;
        Some((ProcessId(u32::try_from(self.notes.get(Word::Process)).ok()?), channel))
    }

    /// What it had in hand.
    pub fn unfinished(&self) -> Option<Unfinished> {
        self.whose()?;
        let noted = self.notes.get(Word::Phase) == CAME;
        let data = if noted { self.bytes.get(..self.length(Word::Came)).unwrap_or_default() } else { self.unnoted() };
        (!data.is_empty()).then(|| Unfinished { data: data.to_vec(), place: self.notes.place() })
    }

    /// The daemon ends in order: nobody will look for it.
    pub fn remove(&self) {
        self.notes.0.remove();
    }
}

impl Notes {
    fn get(&self, word: Word) -> u64 {
        self.at(word as usize)
    }

    fn set(&self, word: Word, value: u64) {
        self.put(word as usize, value);
    }

    fn at(&self, place: usize) -> u64 {
        self.0.get(place).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// In the order of the program: of two notes the second is never there without the first.
    fn put(&self, place: usize, value: u64) {
        if let Some(word) = self.0.get(place) {
            AtomicU64::store(word, value, Ordering::Release);
        }
    }

    /// So many bytes of output are about to be written to this file, which has this size.
    pub fn writing(&self, file: (u64, u64), size: u64, length: usize) {
        self.note(Place { file, size, before: self.get(Word::Given), length: length as u64 });
        self.set(Word::Given, self.get(Word::Given).wrapping_add(length as u64));
    }

    /// A sink that is no file has taken so many bytes.
    pub fn taken(&self, length: usize) {
        let before = self.get(Word::Given).wrapping_add(length as u64);
        self.note(Place { file: (0, 0), size: 0, before, length: 0 });
        self.set(Word::Given, before);
    }

    /// So much of it needs not be written again.
    pub fn skip(&self, length: usize) {
        self.set(Word::Given, length as u64);
    }

    /// The place that counted is whole until the other one is.
    fn note(&self, place: Place) {
        let next = u64::from(self.get(Word::Current) == 0);
        let words = [place.file.0, place.file.1, place.size, place.before, place.length];
        let first = Word::Places as usize + next as usize * PLACE;
        words.into_iter().enumerate().for_each(|(number, word)| self.put(first + number, word));
        self.set(Word::Current, next);
    }

    fn place(&self) -> Option<Place> {
        let current = usize::try_from(self.get(Word::Current)).ok().filter(|current| *current < NOWHERE as usize)?;
        let first = Word::Places as usize + current * PLACE;
        let [device, inode, size, before, length] = std::array::from_fn(|number| self.at(first + number));
        Some(Place { file: (device, inode), size, before, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_any_content_are_read_without_harm() {
        let owner = (1, 2);
        let values = [0, 1, 2, 3, 7, 8, 9, 4096, LARGE_READ as u64, LARGE_READ as u64 + 1, 1 << 32, u64::MAX];
        let mut buffer = Buffer::outliving(owner).unwrap();
        for place in Word::Phase as usize..sys::segment::WORDS {
            for (phase, value) in
                [READING, CAME, u64::MAX].into_iter().flat_map(|phase| values.map(|value| (phase, value)))
            {
                for other in values {
                    (0..sys::segment::WORDS).for_each(|word| buffer.notes.put(word, other));
                    buffer.notes.set(Word::Phase, phase);
                    buffer.notes.put(place, value);
                    let found = buffer.unfinished();
                    assert!(found.is_none_or(|found| found.data.len() <= LARGE_READ && buffer.whose().is_some()));
                    buffer.notes.writing((1, 1), other, 5);
                    buffer.notes.taken(5);
                }
            }
        }
        assert_eq!(buffer.begin(ProcessId(1), Channel::Stdout, usize::MAX).len(), LARGE_READ);
        buffer.remove();
    }
}
