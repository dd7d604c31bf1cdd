//! One section as its reader sees it: an option's text or its row's default, expanded and parsed; errors are told with
//! their place and the reader goes on.
//!
//! Deliberately absent: which options a section has (its table).

use std::collections::BTreeMap;

use super::Reading;
use crate::Problem;
use crate::expand::{Names, Text, expand};
use crate::python::repr;
use crate::tables::Table;
use crate::value::Refusal;

/// A section, its table and the names that its values may use.
pub(crate) struct View<'r, 'a> {
    pub reading: &'r Reading<'a>,
    pub section: &'r str,
    pub table: &'static Table,
    /// Besides `ENV_…`.
    pub names: BTreeMap<String, Text>,
    /// What the reference adds to an error of this section.
    suffix: String,
}

impl<'r, 'a> View<'r, 'a> {
    pub fn new(reading: &'r Reading<'a>, section: &'r str, table: &'static Table) -> Self {
        Self { reading, section, table, names: BTreeMap::new(), suffix: String::new() }
    }

    /// With a name for expansions.
    pub fn name(mut self, name: &str, text: impl Into<Text>) -> Self {
        self.names.insert(name.into(), text.into());
        self
    }

    /// With `%(here)s`.
    pub fn here(self) -> Self {
        let here = Text::Str(self.reading.here.clone());
        self.name("here", here)
    }

    /// With the file and the section in the words of every error, as the reference does while it reads processes.
    pub fn in_process(mut self) -> Self {
        let file = self.reading.origins.get(self.section).unwrap_or(&self.reading.file);
        self.suffix = format!(" in section {} (file: {})", repr(self.section), repr(file));
        self
    }

    /// What is added to the words of an error.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The text as written, or the default.
    pub fn raw(&self, option: &str) -> Option<&str> {
        let row = self.table.row(option);
        debug_assert!(row.is_some() || self.table.open, "no row {option}");
        let set = self.reading.document.setting(self.section, option).map(|setting| setting.value.as_str());
        set.or(row.and_then(|row| row.default))
    }

    /// True if the option is written, be it in `[DEFAULT]`.
    pub fn is_set(&self, option: &str) -> bool {
        self.reading.document.setting(self.section, option).is_some()
    }

    /// Expands a text under the name that errors give it.
    pub fn expanded(&self, option: &str, what: &str, text: &str) -> Option<String> {
        match expand(text, Names { own: &self.names, environment: &self.reading.environment }, what) {
            Ok(text) => Some(text),
            Err(words) => {
                self.fail_hinted(option, words, "write %% for a percent sign");
                None
            }
        }
    }

    /// The expanded text.
    pub fn text(&self, option: &str) -> Option<String> {
        let raw = self.raw(option)?;
        self.expanded(option, &format!("{}.{option}", self.section), raw)
    }

    /// The parsed value; `None` if it is not set and has no default, or is wrong.
    pub fn parsed<T>(&self, option: &str, parse: impl FnOnce(&str) -> Result<T, Refusal>) -> Option<T> {
        let text = self.text(option)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(words) => {
                self.fail(option, words);
                None
            }
        }
    }

    /// The parsed value, or anything of its type after an error.
    pub fn value<T: Default>(&self, option: &str, parse: impl FnOnce(&str) -> Result<T, Refusal>) -> T {
        self.parsed(option, parse).unwrap_or_default()
    }

    /// Tells that an option's value is wrong.
    pub fn fail(&self, option: &str, words: impl Into<String>) {
        let right = self.table.row(option).map_or("", |row| row.kind.right());
        self.fail_hinted(option, words, right);
    }

    /// Tells that an option's value is wrong, and what would be right.
    pub fn fail_hinted(&self, option: &str, words: impl Into<String>, right: &str) {
        let problem = self.problem(option, words);
        self.reading.tell_once(Problem { hint: (!right.is_empty()).then(|| right.into()), ..problem });
    }

    /// A problem with an option, or with its section where it is not written.
    pub fn problem(&self, option: &str, words: impl Into<String>) -> Problem {
        let text: String = words.into();
        let words = format!("{text}{}", self.suffix);
        let problem = Problem { words, ..self.reading.section_problem(self.section, text) };
        let option_name = Some(option.to_owned());
        match self.reading.document.setting(self.section, option) {
            Some(setting) => Problem {
                place: setting.place.clone(),
                option: option_name,
                value: Some(setting.value.clone()),
                ..problem
            },
            None => Problem { option: option_name, ..problem },
        }
    }
}
