//! Where the reference's words come from Python: lists in messages, numbers in options.
//!
//! Strings as Python shows them are `wire::python`'s.

use std::io;

use wire::python::repr;

/// A list of strings as Python shows it: `['web', 'shop:two']`.
#[must_use]
pub fn list(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().map(|text| repr(text)).collect();
    format!("[{}]", shown.join(", "))
}

/// An integer as Python's `int` reads it from text: blanks around it, a sign, underscores between digits. A number too
/// large for any use here counts as the largest.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let well_placed = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let plain: String = digits.chars().filter(|&letter| letter != '_').collect();
    if !well_placed || plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = plain.parse().unwrap_or(i64::MAX);
    Some(if text.starts_with('-') { -number } else { number })
}

/// An error of the system as Python's `str` shows it: `[Errno 111] Connection refused`.
#[must_use]
pub fn system_error(error: &io::Error) -> String {
    let words = error.to_string();
    match error.raw_os_error() {
        Some(number) => {
            let plain = words.strip_suffix(&format!(" (os error {number})")).unwrap_or(&words);
            format!("[Errno {number}] {plain}")
        }
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::{integer, list, system_error};

    #[test]
    fn an_error_of_the_system_begins_with_its_number() {
        assert_eq!(system_error(&std::io::Error::from_raw_os_error(111)), "[Errno 111] Connection refused");
        assert_eq!(system_error(&std::io::Error::other("odd")), "odd");
    }

    #[test]
    fn lists_are_shown_as_python_shows_them() {
        assert_eq!(list(&["web".into(), "it's".into()]), "['web', \"it's\"]");
        assert_eq!(list(&[]), "[]");
    }

    #[test]
    fn integers_are_read_as_python_reads_them() {
        assert_eq!(integer(" +1_000 "), Some(1000));
        assert_eq!(integer("-3"), Some(-3));
        for text in ["", "-", "1.0", "_1", "1__0", "0x10", "lots"] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(integer("99999999999999999999"), Some(i64::MAX));
    }
}
