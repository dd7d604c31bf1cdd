//! Following a log for `tail -f` and `maintail -f`, until Ctrl-C or the end of the stream.
//!
//! Bytes are shown as they come. Deliberately absent: a rotation's or clearing's details; the server's stream goes on.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use model::Channel;

use super::Flow;
use crate::client::{CallError, interrupted, interrupts};
use crate::session::Session;

/// Where the server shows a process' log.
pub fn log_path(name: &str, channel: Channel) -> String {
    let mut path = String::from("/logtail/");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{path}/{}", channel.name())
}

/// The next bytes of a log; `None` at its end.
pub async fn next_bytes(body: &mut Incoming) -> Option<Bytes> {
    loop {
        match body.frame().await {
            None | Some(Err(_)) => return None,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Some(data);
                }
            }
        }
    }
}

/// Follow a log.
pub fn run(session: &mut Session, path: &str) -> Result<Flow, CallError> {
    let client = session.client();
    let output = &mut session.output;
    let opened = client.borrow_mut().block_on(async |client| {
        // Caught before the line that speaks of it is shown.
        let mut signals = interrupts();
        output.line("==> Press Ctrl-C to exit <==");
        output.flush();
        let mut body = client.follow(path).await?;
        loop {
            tokio::select! {
                biased;
                () = interrupted(signals.as_mut()) => {
                    output.line("");
                    return Ok(());
                }
                bytes = next_bytes(&mut body) => {
                    let Some(bytes) = bytes else { return Ok(()) };
                    output.bytes(&bytes);
                    output.flush();
                    if output.is_broken() {
                        return Ok(());
                    }
                }
            }
        }
    });
    match opened {
        Err(CallError::Status { url, status }) if status.as_u16() != 401 => {
            eprintln!("{url} Cannot read, status code {}", status.as_u16());
            session.status = crate::exit::GENERIC;
            Ok(Flow::Go)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(Flow::Go),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_fit_for_a_path() {
        assert_eq!(log_path("g:web_1", Channel::Stderr), "/logtail/g:web_1/stderr");
        assert_eq!(log_path("größe a/b", Channel::Stdout), "/logtail/gr%C3%B6%C3%9Fe%20a%2Fb/stdout");
    }
}
