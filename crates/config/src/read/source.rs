//! The files of a configuration: the main one, then those it includes.
//!
//! Deliberately absent: includes within includes, which the reference ignores.

use std::collections::BTreeMap;
use std::path::Path;

use super::Reading;
use crate::expand::{Names, Text, expand};
use crate::ini::Malformed;
use crate::python::{absolute, dirname, join, text};
use crate::{Host, Place, Problem, ReadError, ini};

/// The absolute folder of a file.
pub(super) fn folder_of(host: &dyn Host, path: &Path) -> String {
    text(&absolute(host, dirname(&path.to_string_lossy())))
}

/// Reads the sections of a file that must be there.
pub(super) fn read_main(reading: &mut Reading<'_>, path: &Path) -> bool {
    let name = reading.file.clone();
    let bytes = match reading.host.read(path) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => {
            reading.tell(Problem::new(format!("could not find config file {name}")));
            return false;
        }
        Err(ReadError::Unreadable(why)) => {
            let words = format!("could not read config file {name}");
            reading.tell(Problem { words: words.clone(), ..Problem::new(format!("{words}: {why}")) });
            return false;
        }
    };
    add(reading, path, &name, &bytes)
}

/// Adds what a file of this name says; tells what is malformed in it.
fn add(reading: &mut Reading<'_>, path: &Path, name: &str, bytes: &[u8]) -> bool {
    let text = match ini::decode(bytes) {
        Ok(text) => text,
        Err(words) => {
            let line = bytes.get(..good_bytes(bytes)).unwrap_or_default().iter().filter(|&&b| b == b'\n').count() + 1;
            let place = Some(Place { file: path.into(), line });
            let hint = "save the file as UTF-8".to_owned();
            reading.tell(Problem { place, hint: Some(hint), words: words.clone(), ..Problem::new(words) });
            return false;
        }
    };
    match reading.document.read(path, name, &text) {
        Ok(()) => true,
        Err(malformed) => {
            tell_malformed(reading, path, malformed, text.starts_with('\u{feff}'));
            false
        }
    }
}

fn good_bytes(bytes: &[u8]) -> usize {
    std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

fn tell_malformed(reading: &Reading<'_>, path: &Path, malformed: Malformed, marked: bool) {
    for (line, text) in malformed.lines {
        let hint = match (marked, text.starts_with("text before")) {
            (true, true) => "the file begins with a byte order mark: save it as UTF-8 without one",
            (false, true) => "a file begins with a [section] in brackets",
            (_, false) => "write option=value; a line that goes on with the one above must be indented",
        };
        reading.tell(Problem {
            place: Some(Place { file: path.into(), line }),
            words: malformed.words.clone(),
            ..Problem::new(text).hint(hint)
        });
    }
}

impl Reading<'_> {
    /// Reads all files. False if what they say is not worth looking at.
    pub(super) fn read_files(&mut self, path: &Path) -> bool {
        let sound = read_main(self, path);
        if !sound && self.document.sections().is_empty() {
            return false;
        }
        if self.document.section("include").is_some() {
            self.include();
        }
        if self.document.section("supervisord").is_none() {
            // A malformed file may well have one that could not be seen.
            if self.problem_count() == 0 {
                let problem = Problem::new(".ini file does not include supervisord section");
                let place = Some(Place { file: path.into(), line: 1 });
                self.tell(Problem { place, ..problem.hint("add a line [supervisord]") });
            }
            return false;
        }
        true
    }

    fn include(&mut self) {
        let here = self.here.clone();
        self.document.expand_here(&here);
        let Some(files) = self.document.setting("include", "files").cloned() else {
            let problem = self.section_problem("include", ".ini file has [include] section, but no files setting");
            return self.tell(problem.hint("add a line files = conf.d/*.conf"));
        };
        let own = BTreeMap::from([
            ("here".to_owned(), Text::Str(here.clone())),
            ("host_node_name".to_owned(), Text::Str(self.host.node_name())),
        ]);
        let names = Names { own: &own, environment: &self.environment };
        let patterns = match expand(&files.value, names, "include.files") {
            Ok(patterns) => patterns,
            Err(words) => {
                let option = Some(files.name.clone());
                let problem = self.section_problem("include", words);
                return self.tell(Problem { place: files.place, option, value: Some(files.value), ..problem });
            }
        };
        for pattern in patterns.split(crate::python::is_space).filter(|pattern| !pattern.is_empty()) {
            self.include_pattern(&join(&here, pattern));
        }
    }

    fn include_pattern(&mut self, pattern: &str) {
        let found = self.host.glob(pattern);
        if found.is_empty() {
            return self.warn(format!("No file matches via include \"{pattern}\""));
        }
        for path in found {
            let name = text(&path);
            self.said.borrow_mut().infos.push(format!("Included extra file \"{name}\" during parsing"));
            match self.host.read(&path) {
                Ok(bytes) => {
                    let known = self.document.sections().len();
                    add(self, &path, &name, &bytes);
                    for section in self.document.sections().iter().skip(known) {
                        self.origins.insert(section.name.clone(), name.clone());
                    }
                    self.document.expand_here(&folder_of(self.host, &path));
                }
                Err(error) => {
                    let why = if let ReadError::Unreadable(why) = error { why } else { "it is not there".into() };
                    let place = Some(Place { file: path.as_path().into(), line: 1 });
                    self.doubt(Problem { place, ..Problem::new(format!("this included file is left out: {why}")) });
                }
            }
        }
    }
}
