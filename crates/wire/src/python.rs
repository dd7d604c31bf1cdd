//! How Python shows values: messages of the reference hold `repr` of names and numbers, and scripts have learnt them.
//!
//! Deliberately absent: everything but strings and floats.

use std::fmt::Write as _;

/// `repr` of a str: single quotes unless the text has some and no double ones; what cannot be printed is escaped.
///
/// Python asks the Unicode tables which characters print; here that is everything but controls, separators, private use
/// and noncharacters, which decides alike for every text that has been seen in a configuration.
#[must_use]
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            _ if prints(letter) => out.push(letter),
            _ => escape(&mut out, u32::from(letter)),
        }
    }
    out.push(quote);
    out
}

/// `repr` of bytes: `b'…'`, everything outside of printable ASCII escaped.
#[must_use]
pub fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = String::with_capacity(bytes.len() + 3);
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            _ if char::from(byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => escape(&mut out, u32::from(byte)),
        }
    }
    out.push(quote);
    out
}

fn escape(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0xFF => write!(out, "\\x{code:02x}"),
        0x100..=0xFFFF => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

fn prints(letter: char) -> bool {
    match u32::from(letter) {
        0x20..=0x7E => true,
        0..=0xA0 | 0xAD => false,
        0x1680 | 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x3000 | 0xFEFF => false,
        0xE000..=0xF8FF | 0xFFF0..=0xFFFB | 0xF_0000.. => false,
        code => code & 0xFFFE != 0xFFFE,
    }
}

/// `repr` of a float: the fewest digits that read back as the same number, an exponent below 1e-4 and from 1e16 on.
#[must_use]
pub fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let shortest = format!("{number:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else { return shortest };
    let power: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&power) {
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_shown_as_python_shows_them() {
        for (text, shown) in [
            ("web", "'web'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("a\tb\\\n", "'a\\tb\\\\\\n'"),
            ("grün\u{7f}\u{a0}\u{1b}", "'grün\\x7f\\xa0\\x1b'"),
            ("\u{2028}\u{10FFFF}", "'\\u2028\\U0010ffff'"),
        ] {
            assert_eq!(repr(text), shown);
        }
        assert_eq!(bytes_repr(b"a'\xff\n"), "b\"a'\\xff\\n\"");
    }

    #[test]
    fn floats_are_shown_as_python_shows_them() {
        for (number, shown) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e-5, "1.25e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
        ] {
            assert_eq!(float_repr(number), shown);
        }
        assert_eq!(float_repr(f64::NEG_INFINITY), "-inf");
    }
}
