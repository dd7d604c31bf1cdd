//! Standard input line by line, where it is no terminal that the shell edits: a pipe, a file, or a terminal during `fg`.
//!
//! It waits in the client's loop, so that a signal or a log's next bytes are not kept waiting, and it keeps what it has
//! read too much for whoever reads next. Deliberately absent: editing and history (the shell's).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;

use tokio::net::unix::pipe::Receiver;

/// The program's standard input.
pub struct Input {
    file: Option<File>,
    buffer: Vec<u8>,
    ended: bool,
}

impl Input {
    /// Take it.
    pub fn new() -> Self {
        Self { file: io::stdin().as_fd().try_clone_to_owned().ok().map(File::from), buffer: Vec::new(), ended: false }
    }

    /// The next line without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// An input that cannot be read.
    pub async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(text(line)));
            }
            if self.ended {
                let rest = std::mem::take(&mut self.buffer);
                // The end of a terminal's input is not for ever: it was a Ctrl-D.
                self.ended = false;
                return Ok(if rest.is_empty() { None } else { Some(text(rest)) });
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            self.ended = true;
            return Ok(());
        };
        // A pipe or a terminal is waited for in the loop; anew each time, since what is there already is told only then.
        // A regular file refuses that and is always ready. It stays a blocking descriptor: other programs share it.
        if let Ok(waiting) = Receiver::from_file_unchecked(file.try_clone()?) {
            waiting.readable().await?;
        }
        let mut bytes = [0; 4096];
        let count = file.read(&mut bytes)?;
        self.ended = count == 0;
        self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(())
    }
}

fn text(mut line: Vec<u8>) -> String {
    while line.last().is_some_and(|&byte| byte == b'\n' || byte == b'\r') {
        line.pop();
    }
    String::from_utf8(line).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
}
