//! What the reference leaves to Python and users see: how integers are read, how a value is quoted in a message, what
//! white space is, how paths are put together.
//!
//! Deliberately absent: anything that only Python programmers could see.

use std::path::{Path, PathBuf};

use crate::Host;

/// `str.isspace`: Unicode's white space and the four separators of ASCII.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `str.strip`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `repr` of a string: how messages quote a value.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if is_printable(c) => out.push(c),
            c => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
    out
}

/// `str.isprintable` of one character outside ASCII, as far as the standard library knows.
fn is_printable(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && c.escape_debug().count() == 1
}

/// `int(text, 10)`: blanks around, a sign, single underscores between digits. What is too large for 64 bits is their
/// largest or smallest number.
///
/// # Errors
/// Python's words.
pub fn int(text: &str) -> Result<i64, String> {
    radix(text, 10).ok_or_else(|| format!("invalid literal for int() with base 10: {}", repr(text)))
}

/// `int(text, base)` for base 8 (with or without `0o`) and 10.
pub fn radix(text: &str, base: u32) -> Option<i64> {
    let text = strip(text);
    let (negative, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let digits = match (base, text.strip_prefix("0o").or_else(|| text.strip_prefix("0O"))) {
        (8, Some(rest)) => rest.strip_prefix('_').unwrap_or(rest),
        _ => text,
    };
    if digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let mut number: i64 = 0;
    for c in digits.chars().filter(|&c| c != '_') {
        let digit = i64::from(c.to_digit(base)?);
        number = number.saturating_mul(i64::from(base)).saturating_add(digit);
    }
    Some(if negative { -number } else { number })
}

/// `os.path.expanduser`: `~` and `~user` at the beginning; left alone if nobody has that name.
pub fn expand_user(host: &dyn Host, path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.into() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, tail) = rest.split_at(end);
    let home = if name.is_empty() {
        let variable = host.environment().into_iter().find(|(name, _)| name == "HOME").map(|(_, value)| value);
        variable.or_else(|| Some(text(&host.user_numbered(host.uid())?.home)))
    } else {
        host.user_named(name).map(|account| text(&account.home))
    };
    match home {
        Some(home) => {
            let whole = format!("{}{tail}", home.trim_end_matches('/'));
            if whole.is_empty() { "/".into() } else { whole }
        }
        None => path.into(),
    }
}

/// `os.path.normpath(os.path.abspath(os.path.expanduser(path)))`.
pub fn normalize_path(host: &dyn Host, path: &str) -> PathBuf {
    absolute(host, &expand_user(host, path))
}

/// `os.path.abspath`: without `.`, `..` and doubled slashes; two slashes at the beginning stay two.
pub fn absolute(host: &dyn Host, path: &str) -> PathBuf {
    let whole = if path.starts_with('/') { path.into() } else { format!("{}/{path}", text(&host.current_dir())) };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let root = if whole.starts_with("//") && !whole.starts_with("///") { "//" } else { "/" };
    format!("{root}{}", parts.join("/")).into()
}

/// `os.path.dirname`.
pub fn dirname(path: &str) -> &str {
    let head = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
    let bare = head.trim_end_matches('/');
    if bare.is_empty() { head } else { bare }
}

/// `os.path.join` of two.
pub fn join(base: &str, path: &str) -> String {
    match base {
        _ if path.starts_with('/') => path.into(),
        "" => path.into(),
        base if base.ends_with('/') => format!("{base}{path}"),
        base => format!("{base}/{path}"),
    }
}

/// A path as text.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{dirname, int, join, radix, repr};

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, number) in [
            ("7", 7),
            (" 7\n", 7),
            ("+7", 7),
            ("-5", -5),
            ("007", 7),
            ("1_000", 1000),
            ("99999999999999999999", i64::MAX),
        ] {
            assert_eq!(int(text), Ok(number), "{text}");
        }
        for text in ["", " ", "1.5", "0x10", "_1", "1_", "1__0", "- 1", "+", "1s"] {
            assert!(int(text).is_err(), "{text}");
        }
        assert_eq!(int("1.5").unwrap_err(), "invalid literal for int() with base 10: '1.5'");
    }

    #[test]
    fn octal_numbers_may_say_so() {
        for (text, number) in
            [("022", Some(0o22)), ("0o22", Some(0o22)), ("0o_22", Some(0o22)), ("8", None), ("rwx", None)]
        {
            assert_eq!(radix(text, 8), number, "{text}");
        }
    }

    #[test]
    fn values_are_quoted_as_python_quotes_them() {
        for (text, quoted) in [
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("a\\\tb\n", "'a\\\\\\tb\\n'"),
            ("\x1b\u{7f}\u{a0}ü\u{200b}", "'\\x1b\\x7f\\xa0ü\\u200b'"),
        ] {
            assert_eq!(repr(text), quoted);
        }
    }

    #[test]
    fn paths_are_taken_apart_as_text() {
        for (path, folder) in [("/a/b", "/a"), ("/a", "/"), ("a", ""), ("a/b/", "a/b"), ("//a", "//"), ("a//b", "a")] {
            assert_eq!(dirname(path), folder, "{path}");
        }
        assert_eq!((join("/a", "b"), join("", "b"), join("/a/", "/b")), ("/a/b".into(), "b".into(), "/b".into()));
    }
}
