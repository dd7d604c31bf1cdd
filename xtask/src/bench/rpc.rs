//! The least of an XML-RPC client: one kept connection, bodies as text, no decoding beyond what a figure needs.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};

/// A kept connection.
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
    /// For one read; kept, since making it anew would cost a client more than the answer does.
    chunk: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    /// Speaks over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), chunk: vec![0; 256 * 1024] }
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
            let count = self.more()?;
            self.buffer.extend_from_slice(&self.chunk[..count]);
        }
    }

    /// Sends a request, and reads an answer of status 200 to its end without looking into it: what a client costs at least.
    pub fn exchange(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("cannot send a call")?;
        self.buffer.clear();
        let mut left = loop {
            let count = self.more()?;
            self.buffer.extend_from_slice(&self.chunk[..count]);
            if let Some((head, end)) = head(&self.buffer) {
                break end + length(&head)? - self.buffer.len();
            }
        };
        while left > 0 {
            left -= self.more()?;
        }
        Ok(())
    }

    /// Reads into the chunk; how many bytes came.
    fn more(&mut self) -> Result<usize> {
        let count = self.stream.read(&mut self.chunk).context("no answer")?;
        if count == 0 {
            bail!("the server closed a kept connection");
        }
        Ok(count)
    }

    fn answer(&mut self) -> Result<Option<String>> {
        let Some((head, end)) = head(&self.buffer) else { return Ok(None) };
        let length = length(&head)?;
        if self.buffer.len() < end + length {
            return Ok(None);
        }
        let body = String::from_utf8_lossy(&self.buffer[end..end + length]).into_owned();
        self.buffer.drain(..end + length);
        if body.contains("<fault>") {
            bail!("a call failed: {head}\n{body}");
        }
        Ok(Some(body))
    }
}

/// The head of an answer, once it is whole, and where its body begins.
fn head(buffer: &[u8]) -> Option<(String, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&buffer[..end]).into_owned(), end + 4))
}

/// The length of the body of an answer with status 200.
fn length(head: &str) -> Result<usize> {
    if !head.lines().next().is_some_and(|line| line.contains(" 200 ")) {
        bail!("a call failed: {head}");
    }
    let named = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
    let value = head.lines().find(named).and_then(|line| line.split_once(':')?.1.trim().parse().ok());
    value.with_context(|| format!("an answer without a length: {head}"))
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
