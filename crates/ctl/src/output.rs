//! Standard output: buffered, and quiet when nobody reads it any more.
//!
//! Deliberately absent: colours and widths; `render` makes the lines.

use std::io::{self, BufWriter, Write as _};

/// Where answers are shown.
pub struct Output {
    out: BufWriter<io::Stdout>,
    /// The reader has gone (`supervisorctl status | head -1`).
    broken: bool,
}

impl Output {
    /// The program's standard output.
    pub fn new() -> Self {
        Self { out: BufWriter::new(io::stdout()), broken: false }
    }

    /// A line.
    pub fn line(&mut self, line: &str) {
        self.bytes(line.as_bytes());
        self.bytes(b"\n");
    }

    /// Text without a line end.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Bytes of a log, as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.broken |= self.out.write_all(bytes).is_err();
    }

    /// Show what was written.
    pub fn flush(&mut self) {
        // std's own buffer too: it holds back what follows the last line end.
        self.broken |= self.out.flush().is_err() || self.out.get_mut().flush().is_err();
    }

    /// True once something could not be written.
    pub const fn is_broken(&self) -> bool {
        self.broken
    }
}
