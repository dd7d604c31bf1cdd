//! `KEY=value,KEY2="other value"`: the value of `environment=`, cut as Python's `shlex` in its old mode cuts it.
//!
//! Deliberately absent: the splitting of commands, which follows other rules (that is `sys`).

use crate::python::strip;

const QUOTES: [char; 2] = ['\'', '"'];

/// Characters of a word: shlex's own and those that the reference adds.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.+-():".contains(c)
}

/// The tokens: words, quoted texts with their quotes, and every other character by itself.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '#' => skip_line(&mut chars),
            quote if QUOTES.contains(&quote) => {
                let mut token = String::from(quote);
                loop {
                    let Some(c) = chars.next() else { return Err("No closing quotation".into()) };
                    token.push(c);
                    if c == quote {
                        break;
                    }
                }
                tokens.push(token);
            }
            c if is_word(c) => tokens.push(word(c, &mut chars)),
            other => tokens.push(other.into()),
        }
    }
    Ok(tokens)
}

fn skip_line(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next().is_some_and(|c| c != '\n') {}
}

/// A word from its first character on. Quotes inside it are ordinary; a comment ends nothing, it is skipped.
fn word(first: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut token = String::from(first);
    while let Some(&c) = chars.peek() {
        if c == '#' {
            skip_line(chars);
        } else if is_word(c) || QUOTES.contains(&c) {
            token.push(c);
            chars.next();
        } else {
            break;
        }
    }
    token
}

/// The pairs, in the order in which their keys first occur; the last value of a key wins.
///
/// # Errors
/// The reference's words.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let tokens = tokens(text)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    // Whatever stands where a comma should is skipped, as the reference does; `lint` doubts it.
    for group in tokens.chunks(4) {
        let [key, equals, value, ..] = group else { return Err(end_of_pairs(text)) };
        if equals != "=" {
            return Err(end_of_pairs(text));
        }
        let value = value.trim_matches(QUOTES).to_owned();
        match pairs.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => pairs.push((key.clone(), value)),
        }
    }
    Ok(pairs)
}

fn end_of_pairs(text: &str) -> String {
    format!("Unexpected end of key/value pairs in value '{text}'")
}

/// What the reference swallows in such a value without a word, if anything.
pub fn doubt(text: &str) -> Option<String> {
    for group in tokens(text).ok()?.chunks(4) {
        let [key, _, value, rest @ ..] = group else { continue };
        if let Some(lost) = rest.first().filter(|token| *token != ",") {
            return Some(format!("{} is dropped: the value of {} ends before it", strip(lost), strip(key)));
        }
        let inner = value.strip_prefix(QUOTES).and_then(|inner| inner.strip_suffix(QUOTES));
        if inner.is_some_and(|inner| inner.starts_with(QUOTES) || inner.ends_with(QUOTES)) {
            return Some(format!("the value of {} loses its inner quotes", strip(key)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{doubt, pairs};

    fn read(text: &str) -> String {
        match pairs(text) {
            Ok(pairs) => pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("|"),
            Err(words) => words,
        }
    }

    #[test]
    fn pairs_are_read_with_quotes_and_blanks() {
        for (text, expected) in [
            ("", ""),
            ("A=1", "A=1"),
            ("A=1,", "A=1"),
            ("A=\"a b\",B='x,y',C=\"\"", "A=a b|B=x,y|C="),
            ("A = \"around\" , LAST=\"z\"", "A=around|LAST=z"),
            ("A=/usr/lib:1.0-(x)+y,\n  B=2", "A=/usr/lib:1.0-(x)+y|B=2"),
            ("A=\"it's\",A=2", "A=2"),
            ("A=a b", "A=a"),
            ("A=1,# no\nB=2", "A=1|B=2"),
            ("A=x#y", "A=x"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for text in ["A", "A=", "=1", "A=1,B", "A=1,B=", "A=1 B=2", "A=1,,B=2"] {
            assert_eq!(read(text), format!("Unexpected end of key/value pairs in value '{text}'"));
        }
        assert_eq!(read("A=\"unclosed"), "No closing quotation");
    }

    #[test]
    fn what_is_silently_lost_is_doubted() {
        assert!(doubt("A=a b").unwrap().contains("b is dropped"));
        assert!(doubt("A=\"'x'\"").unwrap().contains("inner quotes"));
        assert_eq!(doubt("A=\"x\",B=y"), None);
    }
}
