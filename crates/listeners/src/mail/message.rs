//! A mail as text (RFC 5322 and MIME): plain text, in ASCII where it is ASCII and else in UTF-8.
//!
//! Deliberately absent: attachments, HTML and everything else that these alerts have no use for.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock;

/// Characters of a body's line that mail servers must take (RFC 5321: 998).
const LINE: usize = 900;
/// Bytes in one encoded word of a header, so that it stays below 75 characters.
const WORD: usize = 42;
/// Bytes in one line of base64.
const BASE64_LINE: usize = 57;

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses.
    pub to: Vec<String>,
    /// The subject, if it has one.
    pub subject: Option<String>,
    /// The text.
    pub body: String,
}

impl Message {
    /// The whole mail, its lines ended by CR LF.
    #[must_use]
    pub fn text(&self) -> String {
        let plain = self.body.is_ascii() && self.body.lines().all(|line| line.len() <= LINE);
        let (charset, encoding) = if plain { ("us-ascii", "7bit") } else { ("utf-8", "base64") };
        let mut text = format!(
            "Content-Type: text/plain; charset=\"{charset}\"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: {encoding}\r\n"
        );
        if let Some(subject) = self.subject.as_deref().filter(|subject| !subject.is_empty()) {
            header(&mut text, "Subject", subject);
        }
        header(&mut text, "From", &self.from);
        header(&mut text, "To", &self.to.join(", "));
        header(&mut text, "Date", &clock::mail_date());
        header(&mut text, "Message-ID", &self.identifier());
        text.push_str("\r\n");
        if plain {
            self.body.lines().for_each(|line| text.extend([line, "\r\n"]));
        } else {
            let lines = self.body.as_bytes().chunks(BASE64_LINE);
            lines.for_each(|line| text.extend([STANDARD.encode(line).as_str(), "\r\n"]));
        }
        text
    }

    /// Unlike any other mail's: the time, the process and the sender's domain.
    fn identifier(&self) -> String {
        let domain = self.from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
        let domain = if domain.is_empty() { "localhost" } else { domain };
        format!("<{}.{}@{domain}>", clock::milliseconds(), std::process::id())
    }
}

fn header(text: &mut String, name: &str, value: &str) {
    let value = one_line(value);
    let value = if value.is_ascii() { value } else { encoded_words(&value) };
    // Writing to a string cannot fail.
    let _ = write!(text, "{name}: {value}\r\n");
}

/// Text without line ends, which in a header would begin another one.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// A header's text that is not ASCII (RFC 2047).
fn encoded_words(text: &str) -> String {
    let mut words = vec![String::new()];
    for letter in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + letter.len_utf8() <= WORD => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    let words: Vec<String> = words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::Message;

    fn message(subject: &str, body: &str) -> String {
        let subject = Some(subject.to_owned());
        Message { from: "me@example.com".into(), to: vec!["a@b".into(), "c@d".into()], subject, body: body.into() }
            .text()
    }

    #[test]
    fn a_plain_mail_is_readable_as_it_stands() {
        let text = message("Oh dear", "one\ntwo");
        assert!(text.starts_with("Content-Type: text/plain; charset=\"us-ascii\"\r\n"), "{text}");
        assert!(text.contains("\r\nSubject: Oh dear\r\nFrom: me@example.com\r\nTo: a@b, c@d\r\nDate: "), "{text}");
        assert!(text.ends_with("\r\n\r\none\r\ntwo\r\n"), "{text}");
    }

    #[test]
    fn other_letters_are_encoded_and_a_subject_stays_one_header() {
        let text = message("grün\nBcc: all@example.com", "größer");
        assert!(text.contains("Subject: =?utf-8?b?Z3LDvG4gQmNjOiBhbGxAZXhhbXBsZS5jb20=?=\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nZ3LDtsOfZXI=\r\n"), "{text}");
        assert!(!message("a\r\nBcc: x@y", "").contains("\nBcc"));
    }

    #[test]
    fn a_line_too_long_for_mail_servers_is_encoded() {
        let text = message("s", &"x".repeat(2000));
        assert!(text.lines().all(|line| line.len() < 100));
    }

    #[test]
    fn no_subject_makes_no_header() {
        assert!(!message("", "body").contains("Subject"));
    }
}
