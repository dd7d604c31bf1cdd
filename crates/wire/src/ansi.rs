//! Taking ANSI control sequences out of a program's output (`strip_ansi=true`), over any split of it into reads.
//!
//! The reference cuts each read by itself, so that a sequence split over two reads stays half; it also knows only some final
//! letters and, after another one, hides text up to the next that it knows. Here a sequence is what ECMA-48 says: `ESC [`,
//! parameters, one final byte. Deliberately absent: every other escape (`ESC ]`, `ESC (`), which the reference keeps too.

/// Where the last read ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// After an ESC that is held back.
    Escape,
    /// Inside a sequence.
    Sequence,
}

/// The state between two reads of one channel.
#[derive(Clone, Debug, Default)]
pub struct Stripper {
    at: At,
}

impl Stripper {
    /// At the beginning of a channel.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Append to `out` what of `bytes` is text.
    pub fn strip(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&first, after)) = rest.split_first() {
            match self.at {
                At::Text => {
                    let plain = rest.iter().position(|&byte| byte == 0x1b);
                    let (text, escape) = rest.split_at(plain.unwrap_or(rest.len()));
                    out.extend_from_slice(text);
                    rest = escape.split_first().map_or(escape, |(_, after)| {
                        self.at = At::Escape;
                        after
                    });
                    continue;
                }
                At::Escape if first == b'[' => self.at = At::Sequence,
                At::Escape => {
                    // Not a sequence: the ESC was text, and this byte is looked at again.
                    out.push(0x1b);
                    self.at = At::Text;
                    continue;
                }
                At::Sequence => match first {
                    0x40..=0x7e => self.at = At::Text,
                    0x20..=0x3f => {}
                    // A byte that no sequence holds, a line feed for one: the sequence was broken off.
                    _ => {
                        self.at = At::Text;
                        continue;
                    }
                },
            }
            rest = after;
        }
    }

    /// The channel has ended: an ESC that was held back is text after all.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.at) == At::Escape {
            out.push(0x1b);
        }
    }

    /// Bytes that bring a new stripper to where this one is.
    #[must_use]
    pub const fn so_far(&self) -> &'static [u8] {
        match self.at {
            At::Text => b"",
            At::Escape => b"\x1b",
            At::Sequence => b"\x1b[",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stripper;
    use proptest::prelude::*;

    fn strip(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stripper, mut out) = (Stripper::new(), Vec::new());
        for piece in pieces {
            stripper.strip(piece, &mut out);
        }
        stripper.finish(&mut out);
        out
    }

    #[test]
    fn colours_and_cursor_movements_are_cut_out() {
        assert_eq!(strip(&[b"\x1b[1;31mred\x1b[0m \x1b[2Kline\x1b[?25h"]), b"red line");
        assert_eq!(strip(&[b"a\x1b]0;title\x07\x1b"]), b"a\x1b]0;title\x07\x1b");
        assert_eq!(strip(&[b"a\x1b[12\nb\x1b[5Gc"]), b"a\nbc");
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_how_the_output_is_split(
            bytes in proptest::collection::vec(prop_oneof![Just(0x1b_u8), Just(b'['), Just(b'm'), Just(b'1'), any::<u8>()], 0..80),
            at in 0_usize..80,
        ) {
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(strip(&[left, right]), strip(&[&bytes]));
            let (mut first, mut second, mut out) = (Stripper::new(), Stripper::new(), Vec::new());
            first.strip(left, &mut out);
            second.strip(first.so_far(), &mut Vec::new());
            second.strip(right, &mut out);
            second.finish(&mut out);
            prop_assert_eq!(out, strip(&[&bytes]));
            prop_assert!(strip(&[&bytes]).len() <= bytes.len());
        }
    }
}
