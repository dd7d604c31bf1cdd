//! The daemon's side of the event listener protocol: what a listener's stdout means in each state of the conversation.
//!
//! The rules, oddities included, are those of the reference (Supervisor manual, «Event Listeners and Event
//! Notifications»): a result line is cut after its first seven bytes whatever they are, and a listener that is READY
//! must not say anything. Deliberately absent: what follows from it (that is `pool`).

use model::{ListenerState, limits};
use serde::{Deserialize, Serialize};

use crate::bus::Queued;

const READY: &[u8] = b"READY\n";
/// `RESULT ` has seven bytes.
const RESULT_WORD: usize = 7;

/// The conversation with one listener, from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it is in the protocol.
    pub state: ListenerState,
    /// What it said and is not yet a whole word.
    pub buffer: Vec<u8>,
    /// The length that a `RESULT` line announced.
    pub result_len: Option<usize>,
    /// The event that it has in hand.
    pub event: Option<Queued>,
    /// Its stdin is closed: nothing can be sent to it any more.
    pub deaf: bool,
}

/// What a listener said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It can be sent an event.
    Ready,
    /// It spoke when it should not, or other words than it should.
    Nonsense,
    /// A result line without a length; the line.
    BadLine(Vec<u8>),
    /// The result of the event that it has in hand.
    Result(Vec<u8>),
}

impl Default for Listener {
    /// A listener that was just started: its `READY` is awaited.
    fn default() -> Self {
        Self { state: ListenerState::Acknowledged, buffer: Vec::new(), result_len: None, event: None, deaf: false }
    }
}

impl Listener {
    /// It can be sent an event.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == ListenerState::Ready && !self.deaf
    }

    /// Take the next word that it said, as far as it is complete. The caller changes the state before it asks again.
    pub(crate) fn next(&mut self) -> Option<Said> {
        match self.state {
            ListenerState::Unknown => {
                self.buffer.clear();
                None
            }
            ListenerState::Acknowledged if self.buffer.len() < READY.len() => None,
            ListenerState::Acknowledged if self.buffer.starts_with(READY) => {
                self.buffer.drain(..READY.len());
                Some(Said::Ready)
            }
            ListenerState::Ready if self.buffer.is_empty() => None,
            ListenerState::Acknowledged | ListenerState::Ready => {
                self.buffer.clear();
                Some(Said::Nonsense)
            }
            ListenerState::Busy => match self.result_len {
                None => self.result_line(),
                Some(len) => self.result(len),
            },
        }
    }

    fn result_line(&mut self) -> Option<Said> {
        let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') else {
            // A line that never ends would be kept for ever.
            let endless = self.buffer.len() > limits::LISTENER_BUFFER;
            return endless.then(|| Said::BadLine(std::mem::take(&mut self.buffer)));
        };
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        match length(line.get(RESULT_WORD..).unwrap_or_default()) {
            Some(len) if len <= limits::LISTENER_BUFFER => {
                self.result_len = Some(len);
                self.result(len)
            }
            _ => {
                self.buffer.clear();
                Some(Said::BadLine(line))
            }
        }
    }

    fn result(&mut self, len: usize) -> Option<Said> {
        if self.buffer.len() < len {
            return None;
        }
        self.result_len = None;
        Some(Said::Result(self.buffer.drain(..len).collect()))
    }
}

/// A number as Python's `int()` takes it: blanks around it and a sign are fine.
fn length(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.trim().parse::<i64>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use model::{ListenerState, limits};

    use super::{Listener, Said};

    fn said(state: ListenerState, parts: &[&[u8]]) -> Vec<Said> {
        let mut listener = Listener { state, ..Listener::default() };
        let mut heard = Vec::new();
        for part in parts {
            listener.buffer.extend_from_slice(part);
            while let Some(said) = listener.next() {
                listener.state = match said {
                    Said::Ready => ListenerState::Ready,
                    Said::Result(_) => ListenerState::Acknowledged,
                    Said::Nonsense | Said::BadLine(_) => ListenerState::Unknown,
                };
                heard.push(said);
            }
        }
        heard
    }

    #[test]
    fn words_may_arrive_byte_by_byte_or_all_at_once() {
        let text = b"RESULT 4\nFAILREADY\n";
        let want = [Said::Result(b"FAIL".into()), Said::Ready];
        assert_eq!(said(ListenerState::Busy, &[text]), want);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(said(ListenerState::Busy, &bytes), want);
    }

    #[test]
    fn a_result_of_no_length_is_a_result() {
        assert_eq!(said(ListenerState::Busy, &[b"RESULT 0\nREADY\n"]), [Said::Result(Vec::new()), Said::Ready]);
    }

    #[test]
    fn a_line_feed_after_the_result_breaks_the_protocol() {
        assert_eq!(
            said(ListenerState::Busy, &[b"RESULT 2\nOK\nREADY\n"]),
            [Said::Result(b"OK".into()), Said::Nonsense]
        );
    }

    #[test]
    fn whoever_speaks_while_ready_breaks_the_protocol() {
        assert_eq!(said(ListenerState::Acknowledged, &[b"READY\nREADY\n"]), [Said::Ready, Said::Nonsense]);
        assert_eq!(said(ListenerState::Acknowledged, &[b"hello\n"]), [Said::Nonsense]);
        assert_eq!(said(ListenerState::Acknowledged, &[b"hello"]), []);
    }

    #[test]
    fn a_result_line_needs_a_length() {
        for line in ["RESULT\n", "RESULT -1\n", "RESULT two\n", "nonsense\n", "\n", "RESULT 99999999999\n"] {
            let bad = Said::BadLine(line.trim_end().into());
            assert_eq!(said(ListenerState::Busy, &[line.as_bytes()]), [bad], "{line:?}");
        }
        // Any seven bytes do for the word.
        for line in ["anyword 2 ", "RESULT  2", "RESULT +2"] {
            let text = format!("{line}\nOK");
            assert_eq!(said(ListenerState::Busy, &[text.as_bytes()]), [Said::Result(b"OK".into())], "{line}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept_for_ever() {
        let flood = vec![b'x'; limits::LISTENER_BUFFER + 1];
        assert_eq!(said(ListenerState::Busy, &[&flood]).len(), 1);
    }
}
