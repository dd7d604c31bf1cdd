//! ANSI stripping: any split gives what a plain search in the whole gives.

use wire::ansi::Stripper;

use crate::cuts::cut;

pub fn run(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let (mut stripper, mut out) = (Stripper::new(), Vec::new());
    for piece in pieces {
        stripper.strip(piece, &mut out);
    }
    stripper.finish(&mut out);
    assert_eq!(out, plain(whole));
}

/// The rule of ECMA-48, written down once more for a text that is there as a whole.
fn plain(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        let Some(sequence) = rest.strip_prefix(b"\x1b[") else {
            out.push(first);
            rest = after;
            continue;
        };
        let parameters = sequence.iter().take_while(|byte| (0x20..0x40).contains(*byte)).count();
        let end = sequence.get(parameters).is_some_and(|byte| (0x40..0x7f).contains(byte));
        rest = &sequence[parameters + usize::from(end)..];
    }
    out
}
