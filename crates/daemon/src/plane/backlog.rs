//! Bytes that wait to be written, up to a bound, and a count of those that were lost.

use std::collections::VecDeque;

/// A bounded queue of bytes.
#[derive(Debug, Default)]
pub struct Backlog {
    bytes: VecDeque<u8>,
    lost: u64,
}

impl Backlog {
    /// Empty.
    pub const fn new() -> Self {
        Self { bytes: VecDeque::new(), lost: 0 }
    }

    /// Append; beyond `bound` the oldest bytes are dropped, and counted.
    pub fn push_over(&mut self, data: &[u8], bound: usize) {
        let data = self.fitting(data, bound);
        let over = (self.bytes.len() + data.len()).saturating_sub(bound);
        self.bytes.drain(..over);
        self.lost += over as u64;
        self.bytes.extend(data);
    }

    /// Append what fits into `bound`; the rest is dropped, and counted.
    pub fn push(&mut self, data: &[u8], bound: usize) {
        let room = bound.saturating_sub(self.bytes.len()).min(data.len());
        let (kept, dropped) = data.split_at(room);
        self.bytes.extend(kept);
        self.lost += dropped.len() as u64;
    }

    fn fitting<'a>(&mut self, data: &'a [u8], bound: usize) -> &'a [u8] {
        let (dropped, kept) = data.split_at(data.len().saturating_sub(bound));
        self.lost += dropped.len() as u64;
        kept
    }

    /// The bytes to write next, in one piece.
    pub fn front(&self) -> &[u8] {
        let (first, second) = self.bytes.as_slices();
        if first.is_empty() { second } else { first }
    }

    /// So many bytes of the front have been written.
    pub fn consume(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new();
        }
    }

    /// All that waits, and how much was lost so far.
    pub fn so_far(&self) -> (Vec<u8>, u64) {
        (self.bytes.iter().copied().collect(), self.lost)
    }

    /// Go on with what another had: it comes before anything of its own.
    pub fn resume(&mut self, bytes: Vec<u8>, lost: u64) {
        let own = std::mem::replace(&mut self.bytes, bytes.into());
        self.bytes.extend(own);
        self.lost += lost;
    }

    /// Drop all, and count it as lost.
    pub fn drop_all(&mut self) {
        self.lost += self.bytes.len() as u64;
        self.bytes = VecDeque::new();
    }

    /// Forget all: it is not wanted any more (the log was cleared).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Count bytes that were lost elsewhere.
    pub const fn lose(&mut self, count: usize) {
        self.lost += count as u64;
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if none wait.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many were lost since this was last asked.
    pub const fn take_lost(&mut self) -> u64 {
        std::mem::replace(&mut self.lost, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Backlog;

    fn text(backlog: &mut Backlog) -> Vec<u8> {
        let mut found = Vec::new();
        while !backlog.is_empty() {
            let piece = backlog.front().to_vec();
            backlog.consume(piece.len());
            found.extend(piece);
        }
        found
    }

    #[test]
    fn a_file_keeps_the_newest_bytes_and_a_stream_the_oldest() {
        let mut backlog = Backlog::default();
        backlog.push_over(b"abcd", 6);
        backlog.push_over(b"efgh", 6);
        assert_eq!((backlog.take_lost(), text(&mut backlog)), (2, b"cdefgh".to_vec()));
        backlog.push_over(b"0123456789", 6);
        assert_eq!((backlog.take_lost(), text(&mut backlog)), (4, b"456789".to_vec()));
        backlog.push(b"abcd", 6);
        backlog.push(b"efgh", 6);
        assert_eq!((backlog.take_lost(), text(&mut backlog)), (2, b"abcdef".to_vec()));
    }

    #[test]
    fn what_another_had_comes_before_its_own_and_nothing_is_dropped_for_it() {
        let mut backlog = Backlog::default();
        backlog.push(b"own", 2);
        backlog.resume(b"before ".to_vec(), 3);
        assert_eq!((backlog.take_lost(), text(&mut backlog)), (4, b"before ow".to_vec()));
    }
}
