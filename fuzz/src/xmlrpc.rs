//! XML-RPC: what can be decoded can be encoded, and is then decoded as the same.
//!
//! Two things are lost on the way, as XML wills it: what XML cannot hold becomes a replacement character, and a carriage
//! return becomes a line feed.

use std::borrow::Cow;

use model::Value;
use wire::xmlrpc::{DecodeError, Response, decode_call, decode_response, encode_call, encode_fault, encode_response};

pub fn run(data: &[u8]) {
    both_ways_agree(data);
    if let Ok(call) = decode_call(data) {
        let written = encode_call(&call.method, &call.params);
        let again = decode_call(&written).expect("an encoded call can be decoded");
        assert_eq!(again.method, text(&call.method));
        let params: Vec<Value> = call.params.iter().map(kept).collect();
        // As text, since not-a-number does not equal itself.
        assert_eq!(format!("{:?}", again.params), format!("{params:?}"));
    }
    if let Ok(response) = decode_response(data) {
        let (written, want) = match response {
            Response::Value(value) => (encode_response(&value), Response::Value(kept(&value))),
            Response::Fault { code, text: said } => {
                (encode_fault(code, &said), Response::Fault { code, text: text(&said) })
            }
        };
        let again = decode_response(&written).expect("an encoded response can be decoded");
        assert_eq!(format!("{again:?}"), format!("{want:?}"));
    }
}

/// Plain messages are read without the XML library. A comment is not plain, so that behind it the library reads them too.
fn both_ways_agree(data: &[u8]) {
    if std::str::from_utf8(data).is_err() {
        return;
    }
    let commented = [data, b"<!---->"].concat();
    if let Ok(call) = decode_call(data) {
        assert_eq!(format!("{:?}", decode_call(&commented)), format!("{:?}", Ok::<_, DecodeError>(call)));
    }
    if let Ok(response) = decode_response(data) {
        assert_eq!(format!("{:?}", decode_response(&commented)), format!("{:?}", Ok::<_, DecodeError>(response)));
    }
}

/// The value as it arrives.
fn kept(value: &Value) -> Value {
    match value {
        Value::Str(said) => Value::Str(Cow::Owned(text(said))),
        Value::DateTime(said) => Value::DateTime(text(said)),
        Value::Array(items) => Value::Array(items.iter().map(kept).collect()),
        Value::Struct(members) => {
            Value::Struct(members.iter().map(|(name, member)| (Cow::Owned(text(name)), kept(member))).collect())
        }
        other => other.clone(),
    }
}

/// A text as it arrives.
fn text(said: &str) -> String {
    let said = said.replace("\r\n", "\n").replace('\r', "\n");
    let allowed = |letter: char| matches!(letter, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
    said.chars().map(|letter| if allowed(letter) { letter } else { '\u{fffd}' }).collect()
}
