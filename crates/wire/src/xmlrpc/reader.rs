//! The XML library behind one small face: the only file that knows quick-xml.
//!
//! What comes out is starts, ends and text; entities are resolved, line ends normalised, comments and processing instructions
//! dropped, document types refused, the depth bounded. Deliberately absent: attributes and namespaces, which XML-RPC has not.

use std::borrow::Cow;

use model::limits::XML_DEPTH;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::DecodeError;
use super::plain::{Cursor, Plain};

/// One thing in the document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// A start tag; its name without prefix.
    Start(Cow<'a, str>),
    /// The end of the innermost element.
    End,
    /// Character data.
    Text(Cow<'a, str>),
    /// The end of the document.
    Eof,
}

/// A cursor over a document.
pub(super) struct Document<'a> {
    text: &'a str,
    way: Way<'a>,
    depth: usize,
}

/// How it is read.
enum Way<'a> {
    /// So far all was plain; so many things have been read.
    Plain(Cursor<'a>, usize),
    /// By the library.
    Whole(Reader<&'a [u8]>),
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, way: Way::Plain(Cursor::new(text), 0), depth: 0 }
    }

    /// The same, read by the library from the first byte.
    fn whole(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        // An empty element is a start and an end, so that nobody has to think of it.
        reader.config_mut().expand_empty_elements = true;
        Self { text, way: Way::Whole(reader), depth: 0 }
    }

    /// The next thing.
    pub(super) fn next(&mut self) -> Result<Node<'a>, DecodeError> {
        let Way::Plain(cursor, read) = &mut self.way else { return self.next_of_whole() };
        let Some(node) = cursor.next() else {
            // The library gives the same as far as it was plain.
            let read = *read;
            *self = Self::whole(self.text);
            for _ in 0..read {
                self.next_of_whole()?;
            }
            return self.next_of_whole();
        };
        *read += 1;
        Ok(match node {
            Plain::Start(name) => {
                self.enter()?;
                Node::Start(named(name))
            }
            Plain::End => {
                self.leave();
                Node::End
            }
            Plain::Text(text) => Node::Text(Cow::Borrowed(text)),
            Plain::Eof => Node::Eof,
        })
    }

    fn enter(&mut self) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > XML_DEPTH { Err(DecodeError::Depth) } else { Ok(()) }
    }

    const fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn next_of_whole(&mut self) -> Result<Node<'a>, DecodeError> {
        loop {
            let Way::Whole(reader) = &mut self.way else { return Ok(Node::Eof) };
            let event = reader.read_event().map_err(|error| self.syntax(&error))?;
            return Ok(match event {
                Event::Start(tag) => {
                    self.enter()?;
                    Node::Start(named(tag.local_name().as_ref()))
                }
                Event::End(_) => {
                    self.leave();
                    Node::End
                }
                Event::Text(text) => Node::Text(text.xml10_content()),
                Event::CData(data) => Node::Text(data.xml10_content()),
                Event::GeneralRef(entity) => Node::Text(Cow::Owned(self.resolve(&entity)?.to_string())),
                Event::DocType(_) => return Err(DecodeError::Doctype),
                Event::Eof => Node::Eof,
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => continue,
                // Does not come: `expand_empty_elements` is set.
                Event::Empty(_) => continue,
            });
        }
    }

    /// True at the top, outside of the root element.
    pub(super) const fn is_outside(&self) -> bool {
        self.depth == 0
    }

    fn resolve(&self, entity: &BytesRef<'_>) -> Result<char, DecodeError> {
        let named = match &**entity {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => entity.resolve_char_ref().map_err(|error| self.syntax(&error))?,
        };
        named
            .filter(|&letter| letter != '\0')
            .ok_or_else(|| self.syntax(&format_args!("unknown entity &{};", &**entity)))
    }

    fn syntax(&self, error: &dyn std::fmt::Display) -> DecodeError {
        let at = if let Way::Whole(reader) = &self.way { reader.error_position() } else { 0 };
        DecodeError::Syntax { at, what: error.to_string() }
    }
}

/// Names that come with every value are not copied.
fn named(name: &str) -> Cow<'static, str> {
    Cow::Borrowed(match name {
        "value" => "value",
        "name" => "name",
        "member" => "member",
        "string" => "string",
        "int" => "int",
        "struct" => "struct",
        "array" => "array",
        "data" => "data",
        "boolean" => "boolean",
        other => return Cow::Owned(other.to_owned()),
    })
}

/// The text of a document, whatever its encoding.
///
/// The reference reads every body as UTF-8 and ignores the declaration; a client that declares and sends Latin-1 is
/// understood here besides.
pub(super) fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    match declared_encoding(bytes).as_deref() {
        None | Some("utf-8" | "utf8") => Err(DecodeError::Encoding("UTF-8")),
        Some("us-ascii" | "ascii") => Err(DecodeError::Encoding("ASCII")),
        Some("iso-8859-1" | "iso8859-1" | "latin-1" | "latin1") => {
            Ok(Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()))
        }
        Some(other) => Err(DecodeError::UnknownEncoding(other.to_owned())),
    }
}

/// What `<?xml … encoding="…"?>` says, in lower case.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(200))?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?.strip_prefix("<?xml")?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    let (name, _) = value.get(1..)?.split_once(quote)?;
    Some(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DecodeError, Document, Node};

    fn all(mut document: Document<'_>) -> (Vec<Node<'_>>, Option<DecodeError>) {
        let mut nodes = Vec::new();
        loop {
            match document.next() {
                Ok(Node::Eof) => return (nodes, None),
                Ok(node) => nodes.push(node),
                Err(error) => return (nodes, Some(error)),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_plain_is_read_as_the_library_reads_it(
            declaration in "(<\\?xml version='1.0'\\?>|<\\?xml version=\"1.0\" \\?>)?",
            pieces in prop::collection::vec(
                "<[ab]>|</[ab]>|<a/>|<a b='c'>|<x:a>|<dateTime.iso8601>|<1>|<>|</>|</a >|< a>|<!--c-->|<!\\[CDATA\\[<]]>|\
                 <!DOCTYPE a>|<\\?b?>|&lt;|&no;|&|]]>|>|<|\r\n|\n|é| |[a-z0-9]{1,3}|\u{1}|\u{feff}",
                0..12,
            ),
        ) {
            let text = declaration + &pieces.concat();
            prop_assert_eq!(all(Document::new(&text)), all(Document::whole(&text)));
        }
    }
}
