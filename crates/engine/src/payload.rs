//! What events say: their bodies and their header, word for word as the reference writes them.

use std::borrow::Cow;
use std::fmt::Write;

use model::{Channel, EventType, ProcessState};

use crate::bus::Event;
use crate::process::Process;

/// The event of a change to this state.
pub(crate) const fn state_event(state: ProcessState) -> EventType {
    match state {
        ProcessState::Stopped => EventType::ProcessStateStopped,
        ProcessState::Starting => EventType::ProcessStateStarting,
        ProcessState::Running => EventType::ProcessStateRunning,
        ProcessState::Backoff => EventType::ProcessStateBackoff,
        ProcessState::Stopping => EventType::ProcessStateStopping,
        ProcessState::Exited => EventType::ProcessStateExited,
        ProcessState::Fatal => EventType::ProcessStateFatal,
        ProcessState::Unknown => EventType::ProcessStateUnknown,
    }
}

/// The body of a change of state. `pid` is that of the child that ended, where the new state has none any more.
pub(crate) fn state(process: &Process, from: ProcessState, pid: u32, expected: bool) -> String {
    let mut text =
        format!("processname:{} groupname:{} from_state:{}", process.config.name, process.group, from.name());
    // Writing to a String cannot fail.
    let _ = match process.word() {
        ProcessState::Starting | ProcessState::Backoff => write!(text, " tries:{}", process.tries),
        ProcessState::Exited => write!(text, " expected:{} pid:{pid}", u8::from(expected)),
        ProcessState::Running | ProcessState::Stopping | ProcessState::Stopped => write!(text, " pid:{pid}"),
        ProcessState::Fatal | ProcessState::Unknown => Ok(()),
    };
    text
}

/// The body of PROCESS_LOG.
pub(crate) fn log(process: &Process, channel: Channel, data: &[u8]) -> String {
    let (name, group, pid) = (&process.config.name, &process.group, process.pid());
    format!("processname:{name} groupname:{group} pid:{pid} channel:{}\n{}", channel.name(), text(data))
}

/// The body of PROCESS_COMMUNICATION.
pub(crate) fn communication(process: &Process, data: &[u8]) -> String {
    let (name, group, pid) = (&process.config.name, &process.group, process.pid());
    format!("processname:{name} groupname:{group} pid:{pid}\n{}", text(data))
}

/// A whole event as a listener reads it. `len` counts characters, as the reference does: listeners in Python read text.
pub(crate) fn envelope(identifier: &str, pool: &str, pool_serial: u64, event: &Event) -> Vec<u8> {
    let Event { serial, kind, payload } = event;
    let (name, len) = (kind.name(), payload.chars().count());
    format!(
        "ver:3.0 server:{identifier} serial:{serial} pool:{pool} poolserial:{pool_serial} eventname:{name} len:{len}\n{payload}"
    )
    .into_bytes()
}

/// Bytes as text; what is no UTF-8 is shown as Python shows bytes.
pub(crate) fn text(data: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(data) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(format!("Undecodable: {}", shown(data))),
    }
}

/// `b'…'`, with double quotes where only single ones are inside.
pub(crate) fn shown(data: &[u8]) -> String {
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for &byte in data {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'\'' if quote == '\'' => text.push_str("\\'"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text.push(quote);
    text
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn bytes_that_are_no_text_are_shown_as_python_shows_them() {
        assert_eq!(text("grüße\n".as_bytes()), "grüße\n");
        assert_eq!(text(b"\xff\x00 a\\\n'"), r#"Undecodable: b"\xff\x00 a\\\n'""#);
        assert_eq!(text(b"\xff'\""), r#"Undecodable: b'\xff\'"'"#);
    }
}
