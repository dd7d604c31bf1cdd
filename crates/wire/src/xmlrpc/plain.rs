//! The plain part of XML, read quickly: tags without attributes, and text without entities.
//!
//! Nearly all messages are nothing else, and a listing of 5,000 programs is six megabytes of it. At the first thing that is
//! not plain it gives up, and the XML library reads the document in its stead: so it decides nothing about what is well
//! formed. Deliberately absent: declarations other than the usual one, attributes, entities, comments, line ends of DOS.

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
        let (name, rest) = tag.split_once('>')?;
        if let Some(name) = name.strip_prefix('/') {
            if self.open.pop()? != name {
                return None;
            }
            self.rest = rest;
            return Some(Plain::End);
        }
        if !is_simple(name.as_bytes()) {
            return None;
        }
        self.rest = rest;
        self.open.push(name);
        Some(Plain::Start(name))
    }

    fn text(&mut self) -> Option<Plain<'a>> {
        let length = self.rest.find('<').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(length);
        if text.is_empty() {
            return self.open.is_empty().then_some(Plain::Eof);
        }
        // The byte order mark is one at the beginning only.
        if text.starts_with('\u{feff}') || text.bytes().any(|byte| matches!(byte, b'&' | b'\r')) {
            return None;
        }
        self.rest = rest;
        Some(Plain::Text(text))
    }
}

/// `dateTime.iso8601` is the strangest of the names.
fn is_simple(name: &[u8]) -> bool {
    let (Some(first), Some(rest)) = (name.first(), name.get(1..)) else { return false };
    first.is_ascii_alphabetic() && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
}
