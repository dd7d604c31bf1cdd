//! Reading messages: a descent over the document, bounded in depth by the reader.
//!
//! It is as tolerant as the reference where that cannot hide a mistake: white space and unknown elements between the known
//! ones, prefixes, every spelling of integers, bare text as a string. Deliberately absent: what a method's parameters mean.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::Value;

use super::DecodeError;
use super::reader::{Document, Node, text_of};

/// Like Python's `base64.decodebytes`: the padding may be missing and what is no base64 between is skipped.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `supervisor.getState`; empty if the message names none, which the reference answers with HTTP 400.
    pub method: String,
    /// Its parameters; none where the element is missing.
    pub params: Vec<Value>,
}

/// A response.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The method's value.
    Value(Value),
    /// The method's fault.
    Fault {
        /// Its number; not every server sends those of the reference.
        code: i64,
        /// Its text.
        text: String,
    },
}

/// Read a call.
///
/// # Errors
/// Bytes that are no well-formed XML, or no XML-RPC.
pub fn decode_call(bytes: &[u8]) -> Result<Call, DecodeError> {
    let text = text_of(bytes)?;
    let mut at = Document::new(&text);
    let mut call = Call { method: String::new(), params: Vec::new() };
    root(&mut at)?;
    while let Some(name) = child(&mut at, "methodCall")? {
        match &*name {
            "methodName" => call.method = content(&mut at, "methodName")?.into_owned(),
            "params" => call.params = params(&mut at)?,
            _ => skip(&mut at)?,
        }
    }
    end(&mut at)?;
    Ok(call)
}

/// Read a response.
///
/// # Errors
/// Bytes that are no well-formed XML, or no XML-RPC, or neither a value nor a fault.
pub fn decode_response(bytes: &[u8]) -> Result<Response, DecodeError> {
    let text = text_of(bytes)?;
    let mut at = Document::new(&text);
    let mut response = None;
    root(&mut at)?;
    while let Some(name) = child(&mut at, "methodResponse")? {
        match &*name {
            "params" => response = params(&mut at)?.into_iter().next().map(Response::Value),
            "fault" => response = Some(fault(first_value(&mut at, "fault")?)),
            _ => skip(&mut at)?,
        }
    }
    end(&mut at)?;
    response.ok_or(DecodeError::Missing { lacks: "params", inside: "methodResponse" })
}

fn fault(value: Value) -> Response {
    let code = value.member("faultCode").and_then(Value::as_int).unwrap_or_default();
    let text = value.member("faultString").and_then(Value::as_str).unwrap_or_default();
    Response::Fault { code, text: text.to_owned() }
}

/// Enter the root element, whatever its name: the reference does not look at it.
fn root(at: &mut Document<'_>) -> Result<(), DecodeError> {
    loop {
        match at.next()? {
            Node::Start(_) => return Ok(()),
            Node::Text(text) if is_blank(&text) => {}
            Node::Text(_) => return Err(junk("before the message")),
            Node::End | Node::Eof => return Err(DecodeError::Missing { lacks: "methodCall", inside: "document" }),
        }
    }
}

/// See that nothing comes after the root element.
fn end(at: &mut Document<'_>) -> Result<(), DecodeError> {
    loop {
        match at.next()? {
            Node::Eof if at.is_outside() => return Ok(()),
            Node::Text(text) if is_blank(&text) => {}
            _ => return Err(junk("after the message")),
        }
    }
}

fn junk(place: &str) -> DecodeError {
    DecodeError::Syntax { at: 0, what: format!("something stands {place}") }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// The next child element's name; `None` at the element's end. Text between children says nothing.
fn child<'a>(at: &mut Document<'a>, inside: &str) -> Result<Option<Cow<'a, str>>, DecodeError> {
    loop {
        match at.next()? {
            Node::Start(name) => return Ok(Some(name)),
            Node::End => return Ok(None),
            Node::Text(_) => {}
            Node::Eof => return Err(DecodeError::Unfinished(inside.to_owned())),
        }
    }
}

/// The text of an element that holds only text; in one piece it is not copied.
fn content<'a>(at: &mut Document<'a>, inside: &str) -> Result<Cow<'a, str>, DecodeError> {
    let mut content = Cow::Borrowed("");
    loop {
        match at.next()? {
            Node::Text(text) => content += text,
            Node::End => return Ok(content),
            Node::Start(found) => {
                return Err(DecodeError::Unexpected { found: found.into_owned(), inside: inside.to_owned() });
            }
            Node::Eof => return Err(DecodeError::Unfinished(inside.to_owned())),
        }
    }
}

/// Leave the element that was just entered.
fn skip(at: &mut Document<'_>) -> Result<(), DecodeError> {
    let mut depth = 1_usize;
    while depth > 0 {
        match at.next()? {
            Node::Start(_) => depth += 1,
            Node::End => depth -= 1,
            Node::Text(_) => {}
            Node::Eof => return Err(DecodeError::Unfinished("an unknown element".to_owned())),
        }
    }
    Ok(())
}

fn params(at: &mut Document<'_>) -> Result<Vec<Value>, DecodeError> {
    let mut values = Vec::new();
    while let Some(name) = child(at, "params")? {
        match &*name {
            "param" => values.push(first_value(at, "param")?),
            // Some clients leave <param> out.
            "value" => values.push(value(at)?),
            _ => skip(at)?,
        }
    }
    Ok(values)
}

/// The `<value>` in an element that holds one.
fn first_value(at: &mut Document<'_>, inside: &'static str) -> Result<Value, DecodeError> {
    let mut found = None;
    while let Some(name) = child(at, inside)? {
        match &*name {
            "value" if found.is_none() => found = Some(value(at)?),
            _ => return Err(DecodeError::Unexpected { found: name.into_owned(), inside: inside.to_owned() }),
        }
    }
    found.ok_or(DecodeError::Missing { lacks: "value", inside })
}

/// What is in a `<value>`: one typed element, or bare text.
fn value(at: &mut Document<'_>) -> Result<Value, DecodeError> {
    let mut bare = String::new();
    let mut typed = None;
    loop {
        match at.next()? {
            Node::Text(text) if typed.is_none() => bare.push_str(&text),
            Node::Text(_) => {}
            Node::Start(kind) if typed.is_none() => typed = Some(typed_value(at, &kind)?),
            Node::Start(found) => {
                return Err(DecodeError::Unexpected { found: found.into_owned(), inside: "value".to_owned() });
            }
            Node::End => return Ok(typed.unwrap_or_else(|| Value::str(bare))),
            Node::Eof => return Err(DecodeError::Unfinished("value".to_owned())),
        }
    }
}

fn typed_value(at: &mut Document<'_>, kind: &str) -> Result<Value, DecodeError> {
    match kind {
        "array" => return array(at),
        "struct" => return structure(at),
        _ => {}
    }
    let text = content(at, kind)?;
    match kind {
        "string" => return Ok(Value::str(text.into_owned())),
        "dateTime.iso8601" => return Ok(Value::DateTime(text.into_owned())),
        _ => {}
    }
    let read = match kind {
        "int" | "i4" | "i8" | "i1" | "i2" | "biginteger" => integer(&text),
        "boolean" => match text.trim() {
            "1" | "true" => Some(Value::Bool(true)),
            "0" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        "double" | "float" => text.trim().parse().ok().map(Value::Double),
        "nil" => Some(Value::Nil),
        "base64" => {
            let letters: Vec<u8> =
                text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).collect();
            BASE64.decode(letters).ok().map(Value::Bytes)
        }
        _ => return Err(DecodeError::Unexpected { found: kind.to_owned(), inside: "value".to_owned() }),
    };
    read.ok_or_else(|| DecodeError::BadValue { kind: kind.to_owned(), text: text.chars().take(80).collect() })
}

/// As Python's `int()`: blanks around it and a plus sign are fine.
fn integer(text: &str) -> Option<Value> {
    text.trim().parse().ok().map(Value::Int)
}

fn array(at: &mut Document<'_>) -> Result<Value, DecodeError> {
    let mut items = Vec::new();
    while let Some(name) = child(at, "array")? {
        if name != "data" {
            return Err(DecodeError::Unexpected { found: name.into_owned(), inside: "array".to_owned() });
        }
        while let Some(name) = child(at, "data")? {
            if name != "value" {
                return Err(DecodeError::Unexpected { found: name.into_owned(), inside: "data".to_owned() });
            }
            items.push(value(at)?);
        }
    }
    Ok(Value::Array(items))
}

fn structure(at: &mut Document<'_>) -> Result<Value, DecodeError> {
    let mut members = Vec::new();
    while let Some(name) = child(at, "struct")? {
        if name != "member" {
            return Err(DecodeError::Unexpected { found: name.into_owned(), inside: "struct".to_owned() });
        }
        members.push(member(at)?);
    }
    Ok(Value::Struct(last_wins(members)))
}

fn member(at: &mut Document<'_>) -> Result<(Cow<'static, str>, Value), DecodeError> {
    let (mut name, mut held) = (None, None);
    while let Some(element) = child(at, "member")? {
        match &*element {
            "name" => name = Some(content(at, "name")?.into_owned()),
            "value" => held = Some(value(at)?),
            _ => return Err(DecodeError::Unexpected { found: element.into_owned(), inside: "member".to_owned() }),
        }
    }
    let name = name.ok_or(DecodeError::Missing { lacks: "name", inside: "member" })?;
    let held = held.ok_or(DecodeError::Missing { lacks: "value", inside: "member" })?;
    Ok((Cow::Owned(name), held))
}

/// A name given twice means its last value, as in a Python dict.
fn last_wins(members: Vec<(Cow<'static, str>, Value)>) -> Vec<(Cow<'static, str>, Value)> {
    // A name twice is rare and structs are short: looking is cheaper than a set.
    let is_short = members.len() <= 32;
    let name_at = |at: usize| members.get(at).map(|(name, _)| name);
    if is_short && (1..members.len()).all(|at| (0..at).all(|before| name_at(before) != name_at(at))) {
        return members;
    }
    let keep: Vec<bool> = {
        let mut seen = BTreeSet::new();
        members.iter().rev().map(|(name, _)| seen.insert(name)).collect()
    };
    members.into_iter().zip(keep.into_iter().rev()).filter_map(|(member, keep)| keep.then_some(member)).collect()
}

#[cfg(test)]
mod tests;
