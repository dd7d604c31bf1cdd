//! What is wrong with a configuration: one problem with its place, and all problems of one reading.
//!
//! Deliberately absent: how they are shown on a terminal (that is the daemon's `check`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file, as it was named; all places in it share the name.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Something that is wrong, or doubtful, at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, if it is about something that is written.
    pub place: Option<Place>,
    /// The section, as written.
    pub section: Option<String>,
    /// The option, in lower case.
    pub option: Option<String>,
    /// Its value, as written.
    pub value: Option<String>,
    /// What is wrong; shown beside the place, so it need not name it.
    pub text: String,
    /// What would be right.
    pub hint: Option<String>,
    /// What the reference says when it gives up here; it may be several lines. Where it is empty, the text serves.
    pub words: String,
}

impl Problem {
    /// A problem that is known only by its words.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// With what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the reference says when it gives up here.
    #[must_use]
    pub fn words(&self) -> &str {
        if self.words.is_empty() { &self.text } else { &self.words }
    }
}

impl fmt::Display for Problem {
    /// `file:line: [section] option: text (hint)`, as much of it as is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        match (&self.section, &self.option) {
            (Some(section), Some(option)) => write!(f, "[{section}] {option}: ")?,
            (Some(section), None) => write!(f, "[{section}]: ")?,
            _ => {}
        }
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors(pub Vec<Problem>);

impl Errors {
    /// What the reference says: the first problem's words. The `Error:` line of a start and the CANT_REREAD fault
    /// show it.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.first().map_or("", Problem::words)
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first())
    }
}

impl std::error::Error for Errors {}
