//! The communication tokens in a program's output: what stands between them becomes an event and is not logged.
//!
//! A token may be split over any number of writes. Only bytes that can begin a token are held back, and they are handed over
//! at the end, where the reference holds back up to 24 bytes and loses them. Deliberately absent: logs and events.

use std::collections::VecDeque;

/// Begins a captured text.
pub const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
/// Ends it.
pub const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Not between tokens.
    Normal(&'a [u8]),
    /// A whole text between tokens, at most the last `capture_maxbytes` (see [`Scanner::new`]).
    Captured(Vec<u8>),
}

/// The state between two reads of one channel.
#[derive(Clone, Debug)]
pub struct Scanner {
    maxbytes: usize,
    /// How many bytes of the awaited token the output so far ends with.
    matched: usize,
    capturing: bool,
    captured: VecDeque<u8>,
}

impl Scanner {
    /// At the beginning of a channel with this `capture_maxbytes`.
    ///
    /// As in the reference's FIFO, a write that would pass the limit first drops as many of the oldest bytes as it brings:
    /// what is kept is at most `maxbytes` and one call's bytes.
    #[must_use]
    pub fn new(maxbytes: usize) -> Self {
        Self { maxbytes, matched: 0, capturing: false, captured: VecDeque::new() }
    }

    /// True between the tokens.
    #[must_use]
    pub const fn is_capturing(&self) -> bool {
        self.capturing
    }

    /// Take these bytes apart. The pieces must all be taken: an iterator that is dropped early drops the rest of the bytes.
    pub fn feed<'s, 'a>(&'s mut self, bytes: &'a [u8]) -> Pieces<'s, 'a> {
        Pieces { scanner: self, rest: bytes, held: None }
    }

    /// The channel has ended: what was held back, and a captured text whose end did not come (as normal output, since no
    /// event can be made of it).
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let held = self.token().get(..self.matched).unwrap_or_default();
        let mut left: Vec<u8> = std::mem::take(&mut self.captured).into();
        left.extend_from_slice(held);
        self.matched = 0;
        self.capturing = false;
        left
    }

    /// Bytes that bring a new scanner of the same bound to where this one is.
    #[must_use]
    pub fn so_far(&self) -> Vec<u8> {
        let mut bytes = if self.capturing { BEGIN.to_vec() } else { Vec::new() };
        bytes.extend(&self.captured);
        bytes.extend_from_slice(self.token().get(..self.matched).unwrap_or_default());
        bytes
    }

    const fn token(&self) -> &'static [u8] {
        if self.capturing { END } else { BEGIN }
    }

    /// Keep captured bytes, in the manner of the reference's BoundIO.
    fn keep(&mut self, bytes: &[u8]) {
        if self.captured.len().saturating_add(bytes.len()) > self.maxbytes {
            self.captured.drain(..bytes.len().min(self.captured.len()));
        }
        self.captured.extend(bytes);
    }

    /// Match the awaited token on; how many bytes were eaten, and what came of it.
    ///
    /// Both tokens hold their first byte only once, so that a partial match that fails can be given up whole.
    fn advance(&mut self, bytes: &[u8]) -> (usize, Match) {
        let token = self.token();
        let left = token.get(self.matched..).unwrap_or_default();
        let same = left.iter().zip(bytes).take_while(|(want, have)| want == have).count();
        if same == left.len() {
            self.matched = 0;
            (same, Match::Whole)
        } else if same == bytes.len() {
            self.matched += same;
            (same, Match::Partial)
        } else {
            let held = self.matched + same;
            self.matched = 0;
            (same, Match::Failed(token.get(..held).unwrap_or_default()))
        }
    }
}

enum Match {
    Whole,
    Partial,
    /// These bytes, which are no token, were held back or eaten.
    Failed(&'static [u8]),
}

/// The pieces of one read.
#[derive(Debug)]
pub struct Pieces<'s, 'a> {
    scanner: &'s mut Scanner,
    rest: &'a [u8],
    /// Bytes of a failed match that are still to be handed over.
    held: Option<&'static [u8]>,
}

impl<'a> Iterator for Pieces<'_, 'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some(held) = self.held.take().filter(|held| !held.is_empty()) {
                if !self.scanner.capturing {
                    return Some(Piece::Normal(held));
                }
                self.scanner.keep(held);
            }
            if self.rest.is_empty() {
                return None;
            }
            if self.scanner.matched == 0 {
                // Everything before the next byte that can begin a token is plain.
                let at = self.rest.iter().position(|&byte| byte == b'<').unwrap_or(self.rest.len());
                let (plain, rest) = self.rest.split_at(at);
                self.rest = rest;
                if !plain.is_empty() {
                    if !self.scanner.capturing {
                        return Some(Piece::Normal(plain));
                    }
                    self.scanner.keep(plain);
                    continue;
                }
            }
            let (eaten, outcome) = self.scanner.advance(self.rest);
            self.rest = self.rest.get(eaten..).unwrap_or_default();
            match outcome {
                Match::Partial => {}
                Match::Failed(held) => self.held = Some(held),
                Match::Whole => {
                    self.scanner.capturing = !self.scanner.capturing;
                    if !self.scanner.capturing {
                        return Some(Piece::Captured(std::mem::take(&mut self.scanner.captured).into()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Normal output as one text, and the captured texts.
    fn scan(maxbytes: usize, pieces: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut scanner, mut normal, mut captured) = (Scanner::new(maxbytes), Vec::new(), Vec::new());
        for piece in pieces {
            for found in scanner.feed(piece) {
                match found {
                    Piece::Normal(bytes) => normal.extend_from_slice(bytes),
                    Piece::Captured(bytes) => captured.push(bytes),
                }
            }
        }
        normal.extend(scanner.finish());
        (normal, captured)
    }

    #[test]
    fn what_stands_between_the_tokens_is_captured_and_the_rest_is_not() {
        let output =
            b"a<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END--><!--XSUPERVISOR:BEGIN--><!--XSUPERVISOR:END-->b\n";
        assert_eq!(scan(100, &[output]), (b"ab\n".to_vec(), vec![b"one".to_vec(), Vec::new()]));
    }

    #[test]
    fn text_that_only_begins_like_a_token_passes() {
        assert_eq!(scan(9, &[b"<<!--X <!--XSUPERVISOR:BEGIN", b"!-->"]).0, b"<<!--X <!--XSUPERVISOR:BEGIN!-->");
        assert_eq!(scan(9, &[b"the end<!--XSUPER"]).0, b"the end<!--XSUPER");
        let mut scanner = Scanner::new(9);
        let first: Vec<_> = scanner.feed(b"no newline").collect();
        assert_eq!(first, [Piece::Normal(b"no newline")], "nothing is held back without need");
    }

    #[test]
    fn a_capture_beyond_the_limit_keeps_the_last_bytes() {
        let begin = b"<!--XSUPERVISOR:BEGIN-->".as_slice();
        let end = b"<!--XSUPERVISOR:END-->".as_slice();
        assert_eq!(scan(6, &[begin, b"abc", b"def", b"gh", end]).1, [b"cdefgh"]);
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_how_the_output_is_split(
            parts in proptest::collection::vec(prop_oneof![
                Just(BEGIN.to_vec()), Just(END.to_vec()), Just(b"<!--XSUPERVISOR:".to_vec()), Just(b"<".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..9),
            ], 0..12),
            cuts in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let bytes = parts.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(scan(1 << 20, &pieces), scan(1 << 20, &[&bytes]));
        }

        #[test]
        fn another_scanner_goes_on_where_one_is(
            parts in proptest::collection::vec(prop_oneof![
                Just(BEGIN.to_vec()), Just(END.to_vec()), Just(b"<!--XSUPERVISOR:".to_vec()), Just(b"<".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..9),
            ], 0..12),
            at in 0_usize..200,
        ) {
            let bytes = parts.concat();
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            let mut first = Scanner::new(1 << 20);
            first.feed(left).for_each(drop);
            let mut second = Scanner::new(1 << 20);
            let so_far = first.so_far();
            prop_assert_eq!(second.feed(&so_far).next(), None);
            let pieces = |scanner: &mut Scanner| {
                let pieces = scanner.feed(right).map(|piece| match piece {
                    Piece::Normal(bytes) => (false, bytes.to_vec()),
                    Piece::Captured(bytes) => (true, bytes),
                });
                pieces.collect::<Vec<_>>()
            };
            prop_assert_eq!(pieces(&mut first), pieces(&mut second));
            prop_assert_eq!(first.finish(), second.finish());
        }

        #[test]
        fn what_is_kept_is_bounded(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..40)) {
            let mut scanner = Scanner::new(10);
            scanner.feed(BEGIN).for_each(drop);
            for piece in &pieces {
                scanner.feed(piece).for_each(drop);
                prop_assert!(scanner.captured.len() <= 10 + 20);
            }
        }
    }
}
