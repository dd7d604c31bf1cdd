//! The event listener protocol, seen by the listener: notifications come on stdin, replies go to stdout.
//!
//! The daemon's side, a state machine, is the engine's. Deliberately absent: reading and writing, and what an event means.

/// Tells the daemon that the listener can take an event.
pub const READY: &[u8] = b"READY\n";
/// The event was dealt with.
pub const OK: &[u8] = b"RESULT 2\nOK";
/// The event was not dealt with: the daemon sends it again.
pub const FAIL: &[u8] = b"RESULT 4\nFAIL";
/// Bytes of a header line; the daemon's are below 300.
const MAX_HEADER: usize = 64 * 1024;
/// Bytes of one payload: the largest an XML-RPC client can have put into an event.
const MAX_PAYLOAD: usize = model::limits::HTTP_BODY;

/// Any result: `RESULT 5\nhello`.
#[must_use]
pub fn result(data: &[u8]) -> Vec<u8> {
    let mut out = format!("RESULT {}\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out
}

/// `key:value` pairs in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Read `key:value` pairs that are set apart by white space.
    ///
    /// # Errors
    /// A word without exactly one colon, as the reference's own reader refuses it.
    pub fn parse(line: &str) -> Result<Self, ListenerError> {
        line.split_whitespace()
            .map(|word| match word.split_once(':') {
                Some((key, value)) if !value.contains(':') => Ok((key.to_owned(), value.to_owned())),
                _ => Err(ListenerError::Pair(word.chars().take(80).collect())),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The last value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// What the daemon sends for one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `ver`, `server`, `serial`, `pool`, `poolserial`, `eventname`, `len`.
    pub headers: Headers,
    /// The payload. Bytes that are no UTF-8 are replaced, as text is all that a payload can be.
    pub payload: String,
}

impl Notification {
    /// The event's name; empty if the header has none.
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.headers.get("eventname").unwrap_or_default()
    }

    /// The payload taken apart: pairs of its first line, and the text after it (of PROCESS_LOG, PROCESS_COMMUNICATION,
    /// REMOTE_COMMUNICATION).
    ///
    /// # Errors
    /// A first line that holds other than pairs.
    pub fn body(&self) -> Result<(Headers, &str), ListenerError> {
        let (line, data) = self.payload.split_once('\n').unwrap_or((&self.payload, ""));
        Ok((Headers::parse(line)?, data))
    }
}

/// Why what came on stdin is no notification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenerError {
    /// Not `key:value`.
    #[error("{0:?} in an event's header is not key:value")]
    Pair(String),
    /// No `len`, or not a number.
    #[error("an event's header has no valid len: {0:?}")]
    Len(String),
    /// Too long.
    #[error("an event's {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// Not text.
    #[error("an event's header is not UTF-8")]
    Encoding,
}

/// Takes notifications out of bytes that come in any pieces.
///
/// `len` counts characters, not bytes (the manual says bytes; listeners in Python 3 read text, and the reference sends what
/// they read).
#[derive(Clone, Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    /// The header of the notification whose payload is awaited, and its `len`.
    header: Option<(Headers, usize)>,
    /// Bytes of the buffer that hold whole characters of the payload, and how many: so that a payload that comes in small
    /// pieces is not counted again from its start.
    counted: (usize, usize),
}

impl Parser {
    /// Nothing has come yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keep bytes that were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole notification, if there is one.
    ///
    /// # Errors
    /// What breaks the protocol; the listener should end then, since nothing tells where the next notification begins.
    pub fn next_notification(&mut self) -> Result<Option<Notification>, ListenerError> {
        let (headers, length) = match self.header.take() {
            Some(header) => header,
            None => match self.take_header()? {
                Some(header) => header,
                None => return Ok(None),
            },
        };
        match self.take_payload(length)? {
            Some(payload) => Ok(Some(Notification { headers, payload })),
            None => {
                self.header = Some((headers, length));
                Ok(None)
            }
        }
    }

    fn take_header(&mut self) -> Result<Option<(Headers, usize)>, ListenerError> {
        let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') else {
            return if self.buffer.len() > MAX_HEADER {
                Err(ListenerError::TooLong("header", MAX_HEADER))
            } else {
                Ok(None)
            };
        };
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let headers = Headers::parse(std::str::from_utf8(&line).map_err(|_| ListenerError::Encoding)?)?;
        let written = headers.get("len").unwrap_or_default();
        let length: usize = written.parse().map_err(|_| ListenerError::Len(written.chars().take(80).collect()))?;
        if length > MAX_PAYLOAD {
            return Err(ListenerError::TooLong("payload", MAX_PAYLOAD));
        }
        self.counted = (0, 0);
        Ok(Some((headers, length)))
    }

    fn take_payload(&mut self, length: usize) -> Result<Option<String>, ListenerError> {
        let (mut bytes, mut letters) = self.counted;
        while letters < length {
            match letter_length(self.buffer.get(bytes..).unwrap_or_default()) {
                Some(count) => bytes += count,
                None => {
                    self.counted = (bytes, letters);
                    return Ok(None);
                }
            }
            letters += 1;
        }
        let payload: Vec<u8> = self.buffer.drain(..bytes).collect();
        Ok(Some(
            String::from_utf8(payload).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()),
        ))
    }
}

/// Bytes of the first character; `None` if more must come first. A byte that begins no character counts as one.
fn letter_length(bytes: &[u8]) -> Option<usize> {
    let wanted = match bytes.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    let follow = bytes.iter().skip(1).take(wanted - 1).take_while(|byte| **byte & 0xC0 == 0x80).count();
    if follow + 1 == wanted {
        Some(wanted)
    } else if bytes.len() == follow + 1 {
        None
    } else {
        Some(follow + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENT: &str = "ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:PROCESS_COMMUNICATION_STDOUT len:44\n\
                         processname:foo groupname:bar pid:123\ngrü\u{20ac}ß!";

    #[test]
    fn a_notification_is_a_header_line_and_len_characters() {
        let mut parser = Parser::new();
        parser.feed(EVENT.as_bytes());
        let event = parser.next_notification().expect("sound").expect("whole");
        assert_eq!(event.event_name(), "PROCESS_COMMUNICATION_STDOUT");
        let (pairs, data) = event.body().expect("pairs");
        assert_eq!((pairs.get("groupname"), data), (Some("bar"), "grü\u{20ac}ß!"));
        assert_eq!(parser.next_notification(), Ok(None));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for (line, error) in [
            ("no colon\n", ListenerError::Pair("no".into())),
            ("a:b:c len:1\n", ListenerError::Pair("a:b:c".into())),
            ("a:b\n", ListenerError::Len(String::new())),
            ("len:-1\n", ListenerError::Len("-1".into())),
        ] {
            let mut parser = Parser::new();
            parser.feed(line.as_bytes());
            assert_eq!(parser.next_notification(), Err(error), "{line}");
        }
    }

    #[test]
    fn a_result_says_how_long_it_is() {
        assert_eq!((result(b"OK"), result(b"FAIL")), (OK.to_vec(), FAIL.to_vec()));
    }

    proptest! {
        #[test]
        fn notifications_come_out_whole_however_they_are_split(text in ".{0,20}", cuts in proptest::collection::vec(1_usize..9, 1..60)) {
            let mut bytes = format!("eventname:X len:{}\n{text}", text.chars().count()).into_bytes();
            bytes.extend_from_within(..);
            let (mut parser, mut found, mut rest) = (Parser::new(), Vec::new(), bytes.as_slice());
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(*cut));
                parser.feed(now);
                while let Some(event) = parser.next_notification().expect("sound") {
                    found.push(event.payload);
                }
                rest = later;
                if rest.is_empty() { break; }
            }
            prop_assert_eq!(found, vec![text.clone(), text]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut parser = Parser::new();
            parser.feed(b"len:9\n");
            parser.feed(&bytes);
            while let Ok(Some(_)) = parser.next_notification() {}
        }
    }
}
