//! The plain part of XML, read quickly: tags without attributes, and text without entities.
//!
//! Nearly all messages are nothing else, and a listing of 5,000 programs is six megabytes of it. At the first thing that is
//! not plain it gives up, and the XML library reads the document in its stead: so it decides nothing about what is well
//! formed. Deliberately absent: declarations other than the usual one, attributes, entities, comments, line ends of DOS.

use memchr::memchr3;

/// What messages begin with.
const DECLARATIONS: [&str; 2] = ["<?xml version='1.0'?>", "<?xml version=\"1.0\"?>"];

/// One thing in the document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plain<'a> {
    /// A start tag.
    Start(&'a str),
    /// The end tag of the innermost element.
    End,
    /// Text up to the next tag.
    Text(&'a str),
    /// The end, outside of all elements.
    Eof,
}

/// A cursor over a document.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let rest = DECLARATIONS.iter().find_map(|declaration| text.strip_prefix(declaration));
        Self { rest: rest.unwrap_or(text), open: Vec::new() }
    }

    /// The next thing; `None` if it is not plain.
    pub(super) fn next(&mut self) -> Option<Plain<'a>> {
        let Some(tag) = self.rest.strip_prefix('<') else { return self.text() };
        if let Some(tag) = tag.strip_prefix('/') {
            // It is known which one must come.
            self.rest = tag.strip_prefix(self.open.pop()?)?.strip_prefix('>')?;
            return Some(Plain::End);
        }
        let (name, rest) = tag.split_at(simple(tag.as_bytes()));
        self.rest = rest.strip_prefix('>').filter(|_| name.starts_with(|first: char| first.is_ascii_alphabetic()))?;
        self.open.push(name);
        Some(Plain::Start(name))
    }

    fn text(&mut self) -> Option<Plain<'a>> {
        let end = memchr3(b'<', b'&', b'\r', self.rest.as_bytes()).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        if text.is_empty() && rest.is_empty() {
            return self.open.is_empty().then_some(Plain::Eof);
        }
        // The byte order mark is one at the beginning only.
        if text.starts_with('\u{feff}') || rest.starts_with(['&', '\r']) {
            return None;
        }
        self.rest = rest;
        Some(Plain::Text(text))
    }
}

/// Letters and digits at the beginning, and the dot: `dateTime.iso8601` is the strangest of the names.
fn simple(tag: &[u8]) -> usize {
    tag.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.').unwrap_or(tag.len())
}
