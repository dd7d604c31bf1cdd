//! The walk over the lines of a file (`RawConfigParser._read`).
//!
//! Deliberately absent: Python's options that the reference does not use (interpolation, strictness, valueless keys).

use std::path::Path;
use std::sync::Arc;

use super::{Document, Malformed, Repeat, Section, Setting};
use crate::Place;
use crate::python::{is_space, repr, strip};

/// The section whose options all others have.
const DEFAULT: &str = "DEFAULT";

/// What begins a comment: a line's own, or one after white space.
const PREFIXES: [char; 2] = [';', '#'];

/// The text of a file, lines ended as Python's text files end them.
///
/// # Errors
/// Python's words if it is no UTF-8.
pub fn decode(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains('\r') => Ok(text.replace("\r\n", "\n").replace('\r', "\n")),
        Ok(text) => Ok(text.into()),
        Err(error) => Err(undecodable(bytes, error)),
    }
}

fn trim(section: &mut Section) {
    for setting in &mut section.options {
        setting.value.truncate(setting.value.trim_end_matches(is_space).len());
    }
}

fn undecodable(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let start = error.valid_up_to();
    let byte = bytes.get(start).copied().unwrap_or(0);
    let length = error.error_len().unwrap_or(bytes.len() - start);
    let why = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if matches!(byte, 0x80..=0xc1 | 0xf5..) => "invalid start byte",
        Some(_) => "invalid continuation byte",
    };
    match length {
        1 => format!("'utf-8' codec can't decode byte {byte:#04x} in position {start}: {why}"),
        length => format!("'utf-8' codec can't decode bytes in position {start}-{}: {why}", start + length - 1),
    }
}

impl Document {
    /// Adds a file's text, of which errors speak by this name. What is malformed is left out and told; the rest is read all the same.
    ///
    /// # Errors
    /// What is malformed.
    pub fn read(&mut self, file: &Path, name: &str, text: &str) -> Result<(), Malformed> {
        self.touched.clear();
        let (file, bad) = (Arc::from(file), Bad::default());
        let mut walk = Walk { document: self, file, section: None, option: None, indent: 0, bad };
        for (index, line) in text.split_inclusive('\n').enumerate() {
            walk.line(index + 1, line);
        }
        let Walk { bad, .. } = walk;
        // Trailing empty lines belong to no value.
        trim(&mut self.defaults);
        for &at in &self.touched {
            self.sections.get_mut(at).map(trim);
        }
        bad.verdict(name)
    }
}

/// Bad lines, gathered.
#[derive(Default)]
struct Bad {
    /// The first line before any header, which ends the reference's reading at once.
    headless: Option<(usize, String)>,
    lines: Vec<(usize, String)>,
}

impl Bad {
    fn verdict(self, name: &str) -> Result<(), Malformed> {
        let name = repr(name);
        let mut lines: Vec<(usize, String)> =
            self.lines.iter().map(|(number, _)| (*number, "a line without = or :".into())).collect();
        if let Some((number, line)) = self.headless {
            let words = format!("File contains no section headers.\nfile: {name}, line: {number}\n{}", repr(&line));
            lines.insert(0, (number, "text before the first [section]".into()));
            return Err(Malformed { words, lines });
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut words = format!("Source contains parsing errors: {name}");
        for (number, line) in &self.lines {
            words.push_str(&format!("\n\t[line {number:2}]: {}", repr(line)));
        }
        Err(Malformed { words, lines })
    }
}

struct Walk<'a> {
    document: &'a mut Document,
    file: Arc<Path>,
    section: Option<Open>,
    /// The option of that section which an indented line continues.
    option: Option<usize>,
    indent: usize,
    bad: Bad,
}

/// The section that a line belongs to.
#[derive(Clone, Copy)]
enum Open {
    Default,
    At(usize),
}

impl Walk<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let comment = comment_start(line);
        let value = strip(&line[..comment.unwrap_or(line.len())]);
        if value.is_empty() {
            // A line of nothing but a comment does not even count as an empty one.
            if comment.is_none() {
                self.continue_value("", None);
            }
            return;
        }
        let indent = line.chars().take_while(|&c| is_space(c)).count();
        let cut = comment.map(|start| strip(&line[start..]).to_owned());
        if self.option.is_some() && self.section.is_some() && indent > self.indent {
            self.continue_value(value, cut);
            return;
        }
        self.indent = indent;
        if let Some(name) = header(value) {
            self.open(name, number);
        } else if self.section.is_none() {
            self.bad.headless.get_or_insert_with(|| (number, line.into()));
        } else {
            self.option_line(number, line, value, cut);
        }
    }

    fn place(&self, line: usize) -> Place {
        Place { file: Arc::clone(&self.file), line }
    }

    fn open(&mut self, name: &str, number: usize) {
        self.option = None;
        if name == DEFAULT {
            self.section = Some(Open::Default);
            return;
        }
        let place = self.place(number);
        if let Some(before) = self.document.section(name).and_then(|section| section.place.clone()) {
            self.document.repeats.push(Repeat { section: name.into(), option: None, place: place.clone(), before });
        }
        self.section = Some(Open::At(self.document.enter(name, &place)));
    }

    fn option_line(&mut self, number: usize, line: &str, value: &str, comment: Option<String>) {
        let Some((name, value)) = value.split_once(['=', ':']) else {
            self.bad.lines.push((number, line.into()));
            return;
        };
        let name = strip(name).to_lowercase();
        if name.is_empty() {
            self.bad.lines.push((number, line.into()));
            self.option = None;
            return;
        }
        let setting = Setting { name, value: strip(value).into(), place: Some(self.place(number)), comment };
        let Some(section) = self.section() else { return };
        let (at, before) = section.set(setting);
        let known = before.and_then(|before| before.place.map(|place| (section.name.clone(), before.name, place)));
        self.option = Some(at);
        if let Some((name, option, before)) = known {
            let section = if name.is_empty() { DEFAULT.into() } else { name };
            let place = self.place(number);
            self.document.repeats.push(Repeat { section, option: Some(option), place, before });
        }
    }

    fn section(&mut self) -> Option<&mut Section> {
        match self.section? {
            Open::Default => Some(&mut self.document.defaults),
            Open::At(at) => self.document.sections.get_mut(at),
        }
    }

    fn continue_value(&mut self, line: &str, comment: Option<String>) {
        let Some(option) = self.option else { return };
        if let Some(setting) = self.section().and_then(|section| section.options.get_mut(option)) {
            setting.value.push('\n');
            setting.value.push_str(line);
            setting.comment = setting.comment.take().or(comment);
        }
    }
}

/// `[name]`, whatever follows the last bracket.
fn header(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('[')?;
    let name = &inner[..inner.rfind(']')?];
    (!name.is_empty()).then_some(name)
}

/// Where the comment of a line begins. Python looks at the first `;` and the first `#` together, then at the second of
/// each, and takes the first pair of which one follows white space; so a later `#` may hide behind an earlier `;`.
fn comment_start(line: &str) -> Option<usize> {
    if !line.contains(PREFIXES) {
        return None;
    }
    if strip(line).starts_with(PREFIXES) {
        return Some(0);
    }
    let mut places =
        PREFIXES.map(|prefix| line.match_indices(prefix).map(|(at, _)| at).collect::<Vec<_>>().into_iter());
    loop {
        let round: Vec<usize> = places.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            return None;
        }
        let begins = |at: usize| line[..at].chars().next_back().is_none_or(is_space);
        if let Some(start) = round.into_iter().filter(|&at| begins(at)).min() {
            return Some(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{Document, decode};

    fn read(text: &str) -> Document {
        let mut document = Document::default();
        document.read(Path::new("x.conf"), "x.conf", text).unwrap();
        document
    }

    fn value(text: &str, option: &str) -> Option<String> {
        read(text).setting("s", option).map(|setting| setting.value.clone())
    }

    #[test]
    fn comments_begin_after_white_space_even_inside_quotes() {
        for (line, kept) in [
            ("a=x ; y", "x"),
            ("a=x;y#z", "x;y#z"),
            ("a=sh -c \"a ; b\"", "sh -c \"a"),
            ("a=#x", "#x"),
            ("a= #x", ""),
            ("a=x\t# y", "x"),
            ("a=1#2 #3 ;4", "1#2 #3"),
        ] {
            assert_eq!(value(&format!("[s]\n{line}\n"), "a").as_deref(), Some(kept), "{line}");
        }
    }

    #[test]
    fn indented_lines_continue_a_value_over_empty_ones() {
        assert_eq!(value("[s]\na=1\n  2\n\n  3 ; no\n # no\n\n", "a").as_deref(), Some("1\n2\n\n3"));
        assert_eq!(value("[s]\n  a=1\n  b=2\n", "b").as_deref(), Some("2"));
        assert_eq!(value("[s]\na=1\n [t]\n", "a").as_deref(), Some("1\n[t]"));
    }

    #[test]
    fn sections_and_options_of_one_name_are_one_and_the_last_wins() {
        let document = read("[s]\nA : 1\nb=1\n[t]\n[s] ; again\na = 2\nb=3\nb=4\n");
        assert_eq!(document.setting("s", "a").map(|setting| setting.value.as_str()), Some("2"));
        assert_eq!(document.setting("s", "b").map(|setting| setting.value.as_str()), Some("4"));
        let names: Vec<_> = document.sections().iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["s", "t"]);
        assert_eq!(document.repeats.len(), 4);
    }

    #[test]
    fn blanks_in_a_header_belong_to_the_name_and_defaults_to_every_section() {
        let document = read("[DEFAULT]\nx=1\n[ s ]\n[a]b]\ny=2\n");
        assert_eq!(document.sections().iter().map(|section| section.name.as_str()).collect::<Vec<_>>(), [" s ", "a]b"]);
        assert!(document.setting(" s ", "x").is_some() && document.settings("a]b").len() == 2);
    }

    #[test]
    fn malformed_lines_are_told_together_in_pythons_words() {
        let words = |text: &str| Document::default().read(Path::new("x.conf"), "x.conf", text).unwrap_err().words;
        assert_eq!(
            words("[s]\nnodaemon\n\na=1\n=2\n"),
            "Source contains parsing errors: 'x.conf'\n\t[line  2]: 'nodaemon\\n'\n\t[line  5]: '=2\\n'"
        );
        assert_eq!(words("hello\n[s]\n"), "File contains no section headers.\nfile: 'x.conf', line: 1\n'hello\\n'");
        assert_eq!(
            words("[unclosed\na=1\n"),
            "File contains no section headers.\nfile: 'x.conf', line: 1\n'[unclosed\\n'"
        );
    }

    #[test]
    fn carriage_returns_end_lines_and_other_encodings_are_refused() {
        assert_eq!(decode(b"[s]\r\na=1\rb=2\n").as_deref(), Ok("[s]\na=1\nb=2\n"));
        let error = |bytes: &[u8]| decode(bytes).unwrap_err();
        assert_eq!(error(b"a=\xff"), "'utf-8' codec can't decode byte 0xff in position 2: invalid start byte");
        assert_eq!(error(b"\xe4bc"), "'utf-8' codec can't decode byte 0xe4 in position 0: invalid continuation byte");
        assert_eq!(error(b"x\xe2\x82"), "'utf-8' codec can't decode bytes in position 1-2: unexpected end of data");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]=:;# \t\na-cé\u{1c}]{0,60}", bytes in any::<Vec<u8>>()) {
            let _ = Document::default().read(Path::new("x"), "x", &text);
            if let Ok(text) = decode(&bytes) {
                let _ = Document::default().read(Path::new("x"), "x", &text);
            }
        }
    }
}
