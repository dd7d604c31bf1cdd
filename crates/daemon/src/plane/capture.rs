//! What is done to a channel's bytes before they are logged: captured texts are taken out, ANSI sequences are stripped.

use wire::ansi::Stripper;
use wire::tokens::{Piece, Scanner};

use super::messages::ChannelOrder;

/// A piece of output after the filter.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// To be logged.
    Text(&'a [u8]),
    /// A text between communication tokens.
    Captured(Vec<u8>),
}

/// The filter of one channel, with what it holds between two reads.
#[derive(Debug)]
pub struct Filter {
    scanner: Option<Scanner>,
    stripper: Option<Stripper>,
    text: Vec<u8>,
}

impl Filter {
    /// The filter that an order asks for; `None` if it asks for none.
    pub fn of(order: &ChannelOrder) -> Option<Box<Self>> {
        let maxbytes = usize::try_from(order.config.capture_maxbytes).unwrap_or(usize::MAX);
        let scanner = (maxbytes > 0).then(|| Scanner::new(maxbytes));
        let stripper = order.strip_ansi.then(Stripper::new);
        (scanner.is_some() || stripper.is_some()).then(|| Box::new(Self { scanner, stripper, text: Vec::new() }))
    }

    /// Take bytes; hand on what comes of them, in order.
    pub fn feed(&mut self, data: &[u8], mut found: impl FnMut(Found<'_>)) {
        let Self { scanner, stripper, text } = self;
        match scanner {
            None => append(stripper, data, text),
            Some(scanner) => {
                for piece in scanner.feed(data) {
                    match piece {
                        Piece::Normal(normal) => append(stripper, normal, text),
                        Piece::Captured(captured) => {
                            hand_on(text, &mut found);
                            found(Found::Captured(strip_whole(stripper.is_some(), captured)));
                        }
                    }
                }
            }
        }
        hand_on(text, &mut found);
        // What one flood made it grow to is not kept for a program that is quiet now.
        *text = Vec::new();
    }

    /// What brings another filter of the same order to where this one is: bytes for its scanner, and for its stripper.
    pub fn so_far(&self) -> [Vec<u8>; 2] {
        let scanned = self.scanner.as_ref().map(Scanner::so_far).unwrap_or_default();
        [scanned, self.stripper.as_ref().map(|stripper| stripper.so_far().to_vec()).unwrap_or_default()]
    }

    /// Go on where another was.
    pub fn resume(&mut self, [scanned, stripped]: &[Vec<u8>; 2]) {
        if let Some(scanner) = &mut self.scanner {
            // All of it is held back, so nothing comes out.
            scanner.feed(scanned).for_each(drop);
        }
        if let Some(stripper) = &mut self.stripper {
            stripper.strip(stripped, &mut Vec::new());
        }
    }

    /// The channel has ended: hand on what was held back.
    pub fn finish(&mut self, mut found: impl FnMut(Found<'_>)) {
        let Self { scanner, stripper, text } = self;
        if let Some(scanner) = scanner {
            append(stripper, &scanner.finish(), text);
        }
        if let Some(stripper) = stripper {
            stripper.finish(text);
        }
        hand_on(text, &mut found);
    }
}

fn append(stripper: &mut Option<Stripper>, data: &[u8], text: &mut Vec<u8>) {
    match stripper {
        Some(stripper) => stripper.strip(data, text),
        None => text.extend_from_slice(data),
    }
}

fn hand_on(text: &mut Vec<u8>, found: &mut impl FnMut(Found<'_>)) {
    if !text.is_empty() {
        found(Found::Text(text));
        text.clear();
    }
}

/// A captured text is stripped by itself: it is no part of the log.
fn strip_whole(strip: bool, captured: Vec<u8>) -> Vec<u8> {
    if !strip {
        return captured;
    }
    let (mut stripper, mut text) = (Stripper::new(), Vec::with_capacity(captured.len()));
    stripper.strip(&captured, &mut text);
    stripper.finish(&mut text);
    text
}
