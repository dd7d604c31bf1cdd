//! Writing messages: one growing buffer, no intermediate strings.
//!
//! A character that XML 1.0 cannot hold (most control characters, U+FFFE, U+FFFF) becomes U+FFFD: the reference sends it as
//! it is, and every client's parser then refuses the whole answer. Deliberately absent: pretty printing, other encodings.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Value;

/// Bytes of input in one line of base64, as Python's `base64.encodebytes` breaks it (76 characters).
const BASE64_LINE: usize = 57;

/// A `methodResponse` with one value.
#[must_use]
pub fn encode_response(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    encode_response_into(&mut out, value);
    out
}

/// The same, after what `out` already holds.
pub fn encode_response_into(out: &mut Vec<u8>, value: &Value) {
    put(out, "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    put_value(out, value);
    put(out, "</param>\n</params>\n</methodResponse>\n");
}

/// A `methodResponse` with a fault.
#[must_use]
pub fn encode_fault(code: i64, text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(320 + text.len());
    put(&mut out, "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n");
    put(&mut out, "<member>\n<name>faultCode</name>\n<value><int>");
    put_int(&mut out, code);
    put(&mut out, "</int></value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>");
    put_text(&mut out, text);
    put(&mut out, "</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n");
    out
}

/// A `methodCall`.
#[must_use]
pub fn encode_call(method: &str, params: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    put(&mut out, "<?xml version='1.0'?>\n<methodCall>\n<methodName>");
    put_text(&mut out, method);
    put(&mut out, "</methodName>\n<params>\n");
    for param in params {
        put(&mut out, "<param>\n");
        put_value(&mut out, param);
        put(&mut out, "</param>\n");
    }
    put(&mut out, "</params>\n</methodCall>\n");
    out
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        // The one value after which Python breaks no line.
        Value::Nil => put(out, "<value><nil/></value>"),
        Value::Bool(truth) => {
            put(out, if *truth { "<value><boolean>1" } else { "<value><boolean>0" });
            put(out, "</boolean></value>\n");
        }
        Value::Int(number) => {
            put(out, "<value><int>");
            put_int(out, *number);
            put(out, "</int></value>\n");
        }
        Value::Double(number) => {
            put(out, "<value><double>");
            put(out, &crate::python::float_repr(*number));
            put(out, "</double></value>\n");
        }
        Value::Str(text) => {
            put(out, "<value><string>");
            put_text(out, text);
            put(out, "</string></value>\n");
        }
        Value::Bytes(bytes) => put_base64(out, bytes),
        Value::DateTime(text) => {
            put(out, "<value><dateTime.iso8601>");
            put_text(out, text);
            put(out, "</dateTime.iso8601></value>\n");
        }
        Value::Array(items) => {
            put(out, "<value><array><data>\n");
            items.iter().for_each(|item| put_value(out, item));
            put(out, "</data></array></value>\n");
        }
        Value::Struct(members) => put_struct(out, members),
    }
}

fn put_struct(out: &mut Vec<u8>, members: &[(Cow<'static, str>, Value)]) {
    put(out, "<value><struct>\n");
    for (name, member) in members {
        put(out, "<member>\n<name>");
        put_text(out, name);
        put(out, "</name>\n");
        put_value(out, member);
        put(out, "</member>\n");
    }
    put(out, "</struct></value>\n");
}

fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, "<value><base64>\n");
    for line in bytes.chunks(BASE64_LINE) {
        put(out, &STANDARD.encode(line));
        out.push(b'\n');
    }
    put(out, "</base64></value>\n");
}

fn put_int(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0_u8; 20];
    let mut left = number.unsigned_abs();
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
        count += 1;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend(digits.iter().skip(digits.len() - count));
}

/// What a byte needs: 0 nothing; else a place where the run of plain bytes ends.
const SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = !matches!(byte as u8, b'\t' | b'\n' | b'\r');
        byte += 1;
    }
    table[b'&' as usize] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    // U+FFFE and U+FFFF begin with this byte; so do others, which are looked at and kept.
    table[0xEF] = true;
    table
};

/// Text, escaped. Runs of plain bytes are copied whole; the few others are looked at one by one.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| SPECIAL[usize::from(byte)]) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let length = match special {
            [b'&', ..] => escape(out, "&amp;", 1),
            [b'<', ..] => escape(out, "&lt;", 1),
            [b'>', ..] => escape(out, "&gt;", 1),
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => escape(out, "\u{FFFD}", 3),
            [0xEF, ..] => {
                out.push(0xEF);
                1
            }
            _ => escape(out, "\u{FFFD}", 1),
        };
        rest = special.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn escape(out: &mut Vec<u8>, with: &str, length: usize) -> usize {
    put(out, with);
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("the encoder writes UTF-8")
    }

    #[test]
    fn a_response_is_what_python_writes() {
        let value = Value::Struct(vec![
            ("a<b".into(), Value::Int(-12)),
            ("l".into(), Value::Array(vec![Value::Bool(true), Value::str("x & y")])),
        ]);
        assert_eq!(
            text(encode_response(&value)),
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n\
             <member>\n<name>a&lt;b</name>\n<value><int>-12</int></value>\n</member>\n\
             <member>\n<name>l</name>\n<value><array><data>\n<value><boolean>1</boolean></value>\n\
             <value><string>x &amp; y</string></value>\n</data></array></value>\n</member>\n\
             </struct></value>\n</param>\n</params>\n</methodResponse>\n"
        );
    }

    #[test]
    fn a_fault_is_what_python_writes() {
        assert_eq!(
            text(encode_fault(10, "BAD_NAME: web")),
            "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n\
             <value><int>10</int></value>\n</member>\n<member>\n<name>faultString</name>\n\
             <value><string>BAD_NAME: web</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n"
        );
    }

    #[test]
    fn base64_is_broken_into_lines_of_76() {
        let bytes = text(encode_response(&Value::Bytes(vec![0; 58])));
        assert!(bytes.contains(&format!("<base64>\n{}\nAA==\n</base64>", "A".repeat(76))), "{bytes}");
    }

    #[test]
    fn what_xml_cannot_hold_becomes_a_replacement_character() {
        let bytes = text(encode_response(&Value::str("a\u{1b}[0m\u{0}b\u{FFFF}\u{FFFD}\u{F900}\t\n")));
        assert!(bytes.contains("<string>a\u{FFFD}[0m\u{FFFD}b\u{FFFD}\u{FFFD}\u{F900}\t\n</string>"), "{bytes}");
    }

    #[test]
    fn all_numbers_are_written() {
        for number in [0, 7, -1, i64::MAX, i64::MIN, 4_294_967_296] {
            let bytes = text(encode_response(&Value::Int(number)));
            assert!(bytes.contains(&format!("<int>{number}</int>")), "{bytes}");
        }
    }
}
