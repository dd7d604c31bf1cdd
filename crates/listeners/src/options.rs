//! Options of the programs, each one row of a table from which parser and usage text follow.
//!
//! Two manners of reading them are part of the contract: `getopt` (crashmail, httpok, memmon: options end at the first
//! argument that is none) and `optparse` (the batch mailers: options anywhere, `-h` acts where it stands). Both take
//! unique beginnings of long names and values joined to a short name. A library would lose these manners or bring them back
//! as exceptions; the two together are smaller than that.

use std::fmt::{self, Write};

/// One option.
pub struct Opt {
    /// Its letter.
    pub short: Option<char>,
    /// Its long name.
    pub long: &'static str,
    /// What the usage text calls its value; `None` if it takes none.
    pub value: Option<&'static str>,
    /// What it is for.
    pub help: &'static str,
}

/// The row that every table begins with.
pub const HELP: Opt = Opt { short: Some('h'), long: "help", value: None, help: "print this text and exit" };

/// How arguments are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Options end at the first argument that is none.
    Getopt,
    /// Options may stand anywhere; reading ends at `--help`.
    Optparse,
}

/// An option that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The row's long name.
    pub long: &'static str,
    /// As the user wrote it, for messages: `-i` or `--interval`.
    pub written: String,
    /// Its value, empty if it takes none.
    pub value: String,
}

/// Arguments taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The options, in their order.
    pub found: Vec<Found>,
    /// What is no option.
    pub rest: Vec<String>,
}

impl Parsed {
    /// True if the option was given.
    #[must_use]
    pub fn has(&self, long: &str) -> bool {
        self.found.iter().any(|found| found.long == long)
    }

    /// All values given for an option.
    #[must_use]
    pub fn all(&self, long: &str) -> Vec<String> {
        self.found.iter().filter(|found| found.long == long).map(|found| found.value.clone()).collect()
    }

    /// The value given last for an option.
    #[must_use]
    pub fn last(&self, long: &str) -> Option<String> {
        self.found.iter().rev().find(|found| found.long == long).map(|found| found.value.clone())
    }
}

/// Why arguments cannot be read; the texts are those of Python's optparse.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No row has this name.
    Unknown(String),
    /// The beginning of several long names.
    Ambiguous(String, Vec<&'static str>),
    /// The last argument is an option that needs a value.
    NeedsValue(String),
    /// `--name=value` of an option that takes none.
    TakesNoValue(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "no such option: {name}"),
            Self::Ambiguous(name, names) => write!(f, "ambiguous option: {name} (--{}?)", names.join(", --")),
            Self::NeedsValue(name) => write!(f, "{name} option requires 1 argument"),
            Self::TakesNoValue(name) => write!(f, "{name} option does not take a value"),
        }
    }
}

/// Take arguments apart.
pub fn parse(table: &[Opt], manner: Manner, arguments: &[String]) -> Result<Parsed, Wrong> {
    let mut parsed = Parsed::default();
    let mut left = arguments.iter().cloned();
    while let Some(argument) = left.next() {
        if argument == "--" {
            parsed.rest.extend(left);
            break;
        } else if let Some(name) = argument.strip_prefix("--") {
            parsed.found.push(long(table, name, &mut left)?);
        } else if argument.len() > 1 && argument.starts_with('-') {
            short(table, argument.get(1..).unwrap_or_default(), &mut left, &mut parsed.found)?;
        } else {
            parsed.rest.push(argument);
            if manner == Manner::Getopt {
                parsed.rest.extend(left);
                break;
            }
        }
        if manner == Manner::Optparse && parsed.has(HELP.long) {
            break;
        }
    }
    Ok(parsed)
}

fn long(table: &[Opt], text: &str, left: &mut impl Iterator<Item = String>) -> Result<Found, Wrong> {
    let (name, joined) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    let written = format!("--{name}");
    let rows: Vec<&Opt> = match table.iter().find(|row| row.long == name) {
        Some(row) => vec![row],
        None => table.iter().filter(|row| row.long.starts_with(name)).collect(),
    };
    let [row] = rows[..] else {
        let names: Vec<_> = rows.iter().map(|row| row.long).collect();
        return Err(if names.is_empty() { Wrong::Unknown(written) } else { Wrong::Ambiguous(written, names) });
    };
    let written = format!("--{}", row.long);
    let value = match (row.value, joined) {
        (None, Some(_)) => return Err(Wrong::TakesNoValue(written)),
        (None, None) => String::new(),
        (Some(_), Some(value)) => value,
        (Some(_), None) => left.next().ok_or_else(|| Wrong::NeedsValue(written.clone()))?,
    };
    Ok(Found { long: row.long, written, value })
}

fn short(
    table: &[Opt],
    letters: &str,
    left: &mut impl Iterator<Item = String>,
    found: &mut Vec<Found>,
) -> Result<(), Wrong> {
    let mut letters = letters.chars();
    while let Some(letter) = letters.next() {
        let written = format!("-{letter}");
        let Some(row) = table.iter().find(|row| row.short == Some(letter)) else { return Err(Wrong::Unknown(written)) };
        let mut value = String::new();
        if row.value.is_some() {
            value = letters.by_ref().collect();
            if value.is_empty() {
                value = left.next().ok_or_else(|| Wrong::NeedsValue(written.clone()))?;
            }
        }
        found.push(Found { long: row.long, written, value });
    }
    Ok(())
}

/// The usage text: a line of grammar, what the program does, and a line or more for each option.
#[must_use]
pub fn usage(grammar: &str, purpose: &str, table: &[Opt]) -> String {
    let mut text = format!("Usage: {grammar}\n\n{purpose}\n\nOptions:\n");
    for row in table {
        let value = row.value.map_or(String::new(), |value| format!("={value}"));
        let short = row.short.map_or(String::new(), |letter| format!("-{letter}, "));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {short}--{}{value}\n        {}", row.long, row.help);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{HELP, Manner, Opt, Parsed, Wrong, parse};

    const TABLE: &[Opt] = &[
        HELP,
        Opt { short: Some('p'), long: "program", value: Some("NAME"), help: "" },
        Opt { short: Some('a'), long: "any", value: None, help: "" },
        Opt { short: None, long: "password", value: Some("WORD"), help: "" },
    ];

    fn read(manner: Manner, line: &str) -> Result<Parsed, Wrong> {
        parse(TABLE, manner, &line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn values_are_joined_or_follow_and_letters_may_be_run_together() {
        let parsed = read(Manner::Getopt, "-aweb -pweb -p two --program=three --prog four -ap five url -x").err();
        assert_eq!(parsed, Some(Wrong::Unknown("-w".into())));
        let parsed = read(Manner::Getopt, "-pweb -p two --program=three --prog four -ap five url -x").unwrap();
        assert_eq!(parsed.all("program"), ["web", "two", "three", "four", "five"]);
        assert!(parsed.has("any"));
        assert_eq!(parsed.rest, ["url", "-x"]);
    }

    #[test]
    fn optparse_reads_options_after_arguments_and_stops_at_help() {
        let parsed = read(Manner::Optparse, "url -a -h --bogus").unwrap();
        assert!(parsed.has("any") && parsed.has("help"));
        assert_eq!(read(Manner::Getopt, "-h --bogus"), Err(Wrong::Unknown("--bogus".into())));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (line, text) in [
            ("--bogus", "no such option: --bogus"),
            ("--p x", "ambiguous option: --p (--program, --password?)"),
            ("-p", "-p option requires 1 argument"),
            ("--any=1", "--any option does not take a value"),
        ] {
            assert_eq!(read(Manner::Optparse, line).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn two_dashes_end_the_options_and_one_is_an_argument() {
        assert_eq!(read(Manner::Getopt, "-a -- -p").unwrap().rest, ["-p"]);
        assert_eq!(read(Manner::Getopt, "- -a").unwrap().rest, ["-", "-a"]);
    }
}
