//! What a check says: where, what, and what to do about it.

use std::fmt;

/// How much a finding weighs: an error fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth a look.
    Warning,
    /// The rule is broken.
    Error,
}

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The file, from the top of the repository.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is so, and what to do instead.
    pub text: String,
}

impl Finding {
    /// A finding that fails the run.
    pub fn error(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { weight: Weight::Error, file: file.to_owned(), line, text: text.into() }
    }

    /// A finding that is only told.
    pub fn warning(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::error(file, line, text) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.weight == Weight::Error { "error" } else { "warning" };
        write!(to, "{}:{}: {word}: {}", self.file, self.line.max(1), self.text)
    }
}
