//! XML-RPC messages: calls, responses and faults as bytes and as [`model::Value`]s.
//!
//! The encoder writes what Python's `xmlrpc.client` writes, byte for byte, so that clients which look at the text (there are
//! some, with regular expressions) see no change. The decoder takes what the reference's takes. Deliberately absent: what a
//! method expects of its parameters, and the HTTP around it.

mod decode;
mod encode;
mod plain;
mod reader;

pub use decode::{Call, Response, decode_call, decode_response};
pub use encode::{encode_call, encode_fault, encode_response, encode_response_into};

/// Why bytes are no XML-RPC message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Neither UTF-8 nor a declared single-byte encoding.
    #[error("the text is not valid {0}")]
    Encoding(&'static str),
    /// An encoding that is not read here.
    #[error("the encoding {0} is not supported: use utf-8")]
    UnknownEncoding(String),
    /// Not well-formed.
    #[error("ill-formed XML at byte {at}: {what}")]
    Syntax {
        /// Offset in the (decoded) text.
        at: u64,
        /// The words of the XML library.
        what: String,
    },
    /// Document type definitions are refused: they allow entity bombs and nobody sends them.
    #[error("a document type definition is not accepted")]
    Doctype,
    /// Deeper than [`model::limits::XML_DEPTH`].
    #[error("elements are nested deeper than {}", model::limits::XML_DEPTH)]
    Depth,
    /// The text ends inside an element.
    #[error("the message ends inside <{0}>")]
    Unfinished(String),
    /// An element where it has no place.
    #[error("<{found}> has no place in <{inside}>")]
    Unexpected {
        /// What was found.
        found: String,
        /// In what.
        inside: String,
    },
    /// An element that should be there.
    #[error("<{inside}> lacks <{lacks}>")]
    Missing {
        /// What should be there.
        lacks: &'static str,
        /// In what.
        inside: &'static str,
    },
    /// A text that is no value of its type.
    #[error("{text:?} is no {kind}")]
    BadValue {
        /// The element's name.
        kind: String,
        /// Its text, cut to 80 characters.
        text: String,
    },
}

impl DecodeError {
    /// True where the XML is sound and only one value is not what its type says.
    #[must_use]
    pub const fn is_about_a_value(&self) -> bool {
        matches!(self, Self::BadValue { .. })
    }
}
