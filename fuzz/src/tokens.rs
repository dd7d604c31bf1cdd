//! Communication tokens: any split gives what a plain search in the whole gives, and a capture keeps to its limit.

use wire::tokens::{BEGIN, END, Piece, Scanner};

use crate::cuts::cut;

/// Normal output, and the captured texts.
type Found = (Vec<u8>, Vec<Vec<u8>>);

/// A limit that inputs do pass.
const SMALL: usize = 10;

pub fn run(data: &[u8]) {
    let (pieces, whole) = cut(data);
    assert_eq!(scan(usize::MAX, &pieces), plain(whole));
    let longest = pieces.iter().map(|piece| piece.len()).max().unwrap_or(0).max(END.len());
    let (_, captured) = scan(SMALL, &pieces);
    let whole_captures = plain(whole).1;
    assert_eq!(captured.len(), whole_captures.len());
    for (kept, text) in captured.iter().zip(&whole_captures) {
        assert!(kept.len() <= SMALL + longest, "{} bytes are kept", kept.len());
        assert!(text.ends_with(kept), "what is kept is not the end of what was written");
    }
}

fn scan(maxbytes: usize, pieces: &[&[u8]]) -> Found {
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

/// The rule for an output that is there as a whole.
fn plain(mut rest: &[u8]) -> Found {
    let (mut normal, mut captured) = (Vec::new(), Vec::new());
    while let Some((before, after)) = split(rest, BEGIN) {
        normal.extend_from_slice(before);
        let Some((text, after)) = split(after, END) else {
            rest = after;
            break;
        };
        captured.push(text.to_vec());
        rest = after;
    }
    normal.extend_from_slice(rest);
    (normal, captured)
}

fn split<'a>(text: &'a [u8], token: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(token.len()).position(|window| window == token)?;
    Some((&text[..at], &text[at + token.len()..]))
}
