//! Addresses and forms: percent-encoding both ways, query strings, and text made safe for HTML.

/// The bytes that a percent-encoded path stands for, as text; what is no UTF-8 or no escape is kept as far as it goes.
pub(super) fn unquote(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    decode(text, false)
}

/// Percent-encodes all but letters, digits and `_.-~/`, as Python's `urllib.parse.quote` does.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => out.push(byte as char),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.push(HEX.get(usize::from(digit)).map_or('0', |&hex| hex as char));
                }
            }
        }
    }
    out
}

/// Text for HTML, in an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in HTML, and no terminal reads them here.
            '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

/// What a client filled in: the query of the address, then the fields of a posted form.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads both. Empty fields count as absent; the first in the query wins over its likes, a posted one over all.
    pub fn new(query: &str, posted: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs(query) {
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, value));
            }
        }
        for (name, value) in pairs(posted) {
            fields.retain(|(known, _)| *known != name);
            fields.push((name, value));
        }
        Self(fields)
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (!value.is_empty()).then(|| (decode(name, true), decode(value, true)))
    })
}

fn decode(text: &str, plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{Form, escape, quote, unquote};

    #[test]
    fn escapes_are_decoded_and_what_is_none_stays() {
        assert_eq!(unquote("/a%20b%3a%C3%bc"), "/a b:ü");
        for text in ["%", "%4", "%zz", "100%"] {
            assert_eq!(unquote(text), text);
        }
        assert_eq!(unquote("%ff"), "\u{fffd}");
    }

    #[test]
    fn names_are_quoted_as_python_quotes_them() {
        assert_eq!(quote("g:a b/ü~"), "g%3Aa%20b/%C3%BC~");
    }

    #[test]
    fn the_first_in_the_query_and_the_last_posted_field_win() {
        let form = Form::new("a=1&a=2&b=x+y&c=", "b=3&b=4&d=%26");
        assert_eq!(form.get("a"), Some("1"));
        assert_eq!(form.get("b"), Some("4"));
        assert_eq!(form.get("c"), None);
        assert_eq!(form.get("d"), Some("&"));
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escape("<b a='\"'>&\u{1b}"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\u{fffd}");
    }
}
