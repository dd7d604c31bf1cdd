//! The least of an XML-RPC client: one kept connection, bodies as text, no decoding beyond what a figure needs.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

/// A kept connection.
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    /// Speaks over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Calls a method with string parameters; the body of the answer.
    pub fn call(&mut self, method: &str, parameters: &[&str]) -> Result<String> {
        self.send(&request(method, parameters))
    }

    /// Sends a request as it is; the body of the answer.
    pub fn send(&mut self, request: &[u8]) -> Result<String> {
        self.stream.write_all(request).context("cannot send a call")?;
        loop {
            if let Some(body) = self.answer()? {
                return Ok(body);
            }
            let mut chunk = [0; 65536];
            let count = self.stream.read(&mut chunk).context("no answer")?;
            if count == 0 {
                bail!("the server closed a kept connection");
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    fn answer(&mut self) -> Result<Option<String>> {
        let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let value = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
        let named = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
        let length = head.lines().find(named).and_then(value).and_then(|value| value.parse::<usize>().ok());
        let length = length.with_context(|| format!("an answer without a length: {head}"))?;
        if self.buffer.len() < end + 4 + length {
            return Ok(None);
        }
        let body = String::from_utf8_lossy(&self.buffer[end + 4..end + 4 + length]).into_owned();
        self.buffer.drain(..end + 4 + length);
        if !head.lines().next().is_some_and(|line| line.contains(" 200 ")) || body.contains("<fault>") {
            bail!("a call failed: {head}\n{body}");
        }
        Ok(Some(body))
    }
}

/// The bytes of a call with string parameters (`true` and `false` are booleans).
pub fn request(method: &str, parameters: &[&str]) -> Vec<u8> {
    let value = |word: &&str| match *word {
        "true" => "<boolean>1</boolean>".to_owned(),
        "false" => "<boolean>0</boolean>".to_owned(),
        text => format!("<string>{text}</string>"),
    };
    let parameters: String =
        parameters.iter().map(|word| format!("<param><value>{}</value></param>", value(word))).collect();
    let body = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{parameters}</params></methodCall>"
    );
    format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
