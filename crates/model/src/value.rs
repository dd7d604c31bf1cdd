//! Values of the XML-RPC interface.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A value that a method takes or gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `<nil/>`: accepted, never sent.
    Nil,
    /// `<boolean>`.
    Bool(bool),
    /// `<int>`, `<i4>`, `<i8>`.
    Int(i64),
    /// `<double>`.
    Double(#[serde(with = "exact")] f64),
    /// `<string>`.
    Str(Cow<'static, str>),
    /// `<base64>`.
    Bytes(Vec<u8>),
    /// `<dateTime.iso8601>`, as written.
    DateTime(String),
    /// `<array>`.
    Array(Vec<Value>),
    /// `<struct>`; the members in the order they were given.
    Struct(Vec<(Cow<'static, str>, Value)>),
}

/// A float as its bits: JSON has no NaN and no infinity, which a client may send.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(number: &f64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

impl Value {
    /// A string.
    pub fn str(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Str(text.into())
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an int or a boolean (Python, and so the reference, takes True for 1).
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(truth) => Some(*truth as i64),
            _ => None,
        }
    }

    /// A member of a struct.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Struct(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// What the type is called in a `system.methodSignature`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Str(_) => "string",
            Self::Bytes(_) => "base64",
            Self::DateTime(_) => "dateTime.iso8601",
            Self::Array(_) => "array",
            Self::Struct(_) => "struct",
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(Cow::Owned(text))
    }
}
