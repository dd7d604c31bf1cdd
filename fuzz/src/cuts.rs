//! One input in pieces: the first bytes say how long the pieces are.

/// The pieces of an input and the whole of it, which is what follows the first three bytes.
pub fn cut(data: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (lengths, whole) = data.split_at(data.len().min(3));
    let (mut pieces, mut rest) = (Vec::new(), whole);
    for length in lengths.iter().cycle() {
        if rest.is_empty() || lengths.iter().all(|&length| length == 0) {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(usize::from(*length)));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    (pieces, whole)
}
