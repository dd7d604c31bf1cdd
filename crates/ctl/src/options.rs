//! The command line: getopt's rules and error texts over one table of options.
//!
//! Options end at the first word that is none, or at `--`; what follows is the action. Long options may be shortened as
//! long as they stay unique. Deliberately absent: the configuration file, which has the last word on what is not given here.

use std::path::PathBuf;

/// What an option does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Configuration,
    Help,
    Interactive,
    ServerUrl,
    Username,
    Password,
    History,
}

/// One option.
struct Row {
    kind: Kind,
    short: char,
    /// The first is shown in the usage.
    long: &'static [&'static str],
    /// What its argument is called in the usage; empty without.
    argument: &'static str,
    takes: bool,
    doc: &'static str,
}

const fn row(
    kind: Kind,
    short: char,
    long: &'static [&'static str],
    argument: &'static str,
    takes: bool,
    doc: &'static str,
) -> Row {
    Row { kind, short, long, argument, takes, doc }
}

/// THE options.
const TABLE: &[Row] = &[
    row(
        Kind::Configuration,
        'c',
        &["configuration"],
        " FILENAME",
        true,
        "the configuration file (searched for if not given)",
    ),
    row(Kind::Help, 'h', &["help"], "", false, "show this text and exit"),
    row(Kind::Interactive, 'i', &["interactive"], "", false, "start a shell, after the action if there is one"),
    row(
        Kind::ServerUrl,
        's',
        &["serverurl"],
        " URL",
        true,
        "where supervisord listens: http://host:port or\n     unix:///path/to/socket (default \"http://localhost:9001\")",
    ),
    row(Kind::Username, 'u', &["username"], " USERNAME", true, "who you are to the server"),
    row(Kind::Password, 'p', &["password"], " PASSWORD", true, "and your password"),
    row(
        Kind::History,
        'r',
        &["history-file", "history_file"],
        "",
        true,
        "the file in which the shell keeps what was typed",
    ),
];

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-c`.
    pub configuration: Option<PathBuf>,
    /// `-i`.
    pub interactive: bool,
    /// `-s`.
    pub serverurl: Option<String>,
    /// `-u`.
    pub username: Option<String>,
    /// `-p`.
    pub password: Option<String>,
    /// `-r`.
    pub history_file: Option<PathBuf>,
    /// The action and its arguments.
    pub action: Vec<String>,
}

/// What came of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Something to do.
    Options(Options),
    /// `-h`.
    Help,
}

/// A command line that makes no sense; the words are getopt's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    #[error("option {0} not recognized")]
    Unknown(String),
    #[error("option {0} requires argument")]
    LacksArgument(String),
    #[error("option {0} must not have an argument")]
    HasArgument(String),
    #[error("option {0} not a unique prefix")]
    Ambiguous(String),
    #[error("conflicting command line option {}", wire::python::repr(.0))]
    Twice(String),
    #[error("invalid value for {option} {}: value {} is not a URL", wire::python::repr(.value), wire::python::repr(.value))]
    NoUrl { option: String, value: String },
}

/// Read the words after the program's name.
///
/// # Errors
/// What the reference's getopt refuses.
pub fn parse(words: &[String]) -> Result<Parsed, OptionError> {
    let (found, action) = scan(words)?;
    let mut options = Options { action, ..Options::default() };
    for (name, kind, value) in found {
        if kind == Kind::Help {
            return Ok(Parsed::Help);
        }
        if !set(&mut options, kind, &name, value)? {
            return Err(OptionError::Twice(name));
        }
    }
    Ok(Parsed::Options(options))
}

/// Set one option; false if it was set before.
fn set(options: &mut Options, kind: Kind, name: &str, value: String) -> Result<bool, OptionError> {
    Ok(match kind {
        Kind::Help => true,
        Kind::Interactive => !std::mem::replace(&mut options.interactive, true),
        Kind::Configuration => options.configuration.replace(value.into()).is_none(),
        Kind::History => options.history_file.replace(value.into()).is_none(),
        Kind::Username => options.username.replace(value).is_none(),
        Kind::Password => options.password.replace(value).is_none(),
        Kind::ServerUrl if !is_url(&value) => return Err(OptionError::NoUrl { option: name.to_owned(), value }),
        Kind::ServerUrl => options.serverurl.replace(value).is_none(),
    })
}

/// An option as it was written, which it is, and its argument.
type Found = (String, Kind, String);

/// getopt: the options that are there and the words after them.
fn scan(words: &[String]) -> Result<(Vec<Found>, Vec<String>), OptionError> {
    let mut found = Vec::new();
    let mut words = words.iter();
    loop {
        let rest = words.clone();
        let Some(word) = words.next() else { return Ok((found, Vec::new())) };
        if word == "--" {
            return Ok((found, words.cloned().collect()));
        }
        if let Some(long) = word.strip_prefix("--") {
            found.push(long_option(long, &mut words)?);
        } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            short_options(cluster, &mut words, &mut found)?;
        } else {
            return Ok((found, rest.cloned().collect()));
        }
    }
}

fn long_option<'a>(text: &str, words: &mut impl Iterator<Item = &'a String>) -> Result<Found, OptionError> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let row = find_long(name)?;
    let shown = format!("--{}", row.long.iter().find(|long| **long == name).or(row.long.first()).unwrap_or(&name));
    let value = match (row.takes, value) {
        (true, Some(value)) => value,
        (true, None) => words.next().ok_or_else(|| OptionError::LacksArgument(shown.clone()))?.clone(),
        (false, None) => String::new(),
        (false, Some(_)) => return Err(OptionError::HasArgument(shown)),
    };
    Ok((shown, row.kind, value))
}

fn find_long(name: &str) -> Result<&'static Row, OptionError> {
    if let Some(row) = TABLE.iter().find(|row| row.long.contains(&name)) {
        return Ok(row);
    }
    let mut candidates = TABLE.iter().filter(|row| row.long.iter().any(|long| long.starts_with(name)));
    match (candidates.next(), candidates.next()) {
        (Some(row), None) => Ok(row),
        (Some(_), Some(_)) => Err(OptionError::Ambiguous(format!("--{name}"))),
        (None, _) => Err(OptionError::Unknown(format!("--{name}"))),
    }
}

fn short_options<'a>(
    cluster: &str,
    words: &mut impl Iterator<Item = &'a String>,
    found: &mut Vec<Found>,
) -> Result<(), OptionError> {
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        let shown = format!("-{letter}");
        let Some(row) = TABLE.iter().find(|row| row.short == letter) else { return Err(OptionError::Unknown(shown)) };
        if !row.takes {
            found.push((shown, row.kind, String::new()));
            continue;
        }
        let value = match letters.as_str() {
            "" => words.next().ok_or_else(|| OptionError::LacksArgument(shown.clone()))?.clone(),
            attached => attached.to_owned(),
        };
        found.push((shown, row.kind, value));
        break;
    }
    Ok(())
}

/// True for what the reference takes for a URL: a scheme, and a host or a path after it.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.chars();
    let sound = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    sound && !rest.is_empty() && !rest.starts_with(['?', '#'])
}

/// The usage, made from the table.
pub fn usage(program: &str) -> String {
    let mut text = format!(
        "supervisorctl -- see and steer the programs that supervisord runs.\n\n\
         Usage: {program} [options] [action [arguments]]\n\nOptions:\n"
    );
    for row in TABLE {
        let long = row.long.first().unwrap_or(&"");
        text.push_str(&format!("-{}/--{long}{} -- {}\n", row.short, row.argument, row.doc));
    }
    text.push_str(
        "\naction [arguments] -- what to do, such as \"status\" or \"restart web\"\n\n\
         Without an action a shell is started that takes actions line by line; the action\n\"help\" lists them all.\n\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(Into::into).collect()
    }

    fn options(text: &str) -> Options {
        match parse(&words(text)) {
            Ok(Parsed::Options(options)) => options,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn options_end_at_the_action() {
        let found = options("-c a.conf -iu me -psecret --serverurl=unix:///s tail -f x");
        assert_eq!(found.configuration.as_deref(), Some(std::path::Path::new("a.conf")));
        assert!(found.interactive);
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("me"), Some("secret")));
        assert_eq!(found.action, words("tail -f x"));
        assert_eq!(options("-- -f").action, words("-f"));
        assert_eq!(options("--conf a --history b --user u status").action, words("status"), "prefixes");
    }

    #[test]
    fn mistakes_are_told_in_getopts_words() {
        for (text, error) in [
            ("-x status", "option -x not recognized"),
            ("--nosuch status", "option --nosuch not recognized"),
            ("-s", "option -s requires argument"),
            ("--serverurl", "option --serverurl requires argument"),
            ("--help=x", "option --help must not have an argument"),
            ("--h", "option --h not a unique prefix"),
            ("-s unix:///a -s unix:///b", "conflicting command line option '-s'"),
            ("-s nonsense status", "invalid value for -s 'nonsense': value 'nonsense' is not a URL"),
        ] {
            assert_eq!(parse(&words(text)).map_err(|error| error.to_string()), Err(error.into()), "{text}");
        }
    }

    #[test]
    fn help_wins_over_what_comes_later_and_names_every_option() {
        assert_eq!(parse(&words("-h -s nonsense")), Ok(Parsed::Help));
        let usage = usage("ctl");
        for row in TABLE {
            assert!(usage.contains(&format!("\n-{}/--", row.short)), "{usage}");
        }
    }

    #[test]
    fn a_url_has_a_scheme_and_something_after_it() {
        for (text, yes) in
            [("http://x", true), ("unix:///s", true), ("host:9001", true), ("http://", false), ("x", false)]
        {
            assert_eq!(is_url(text), yes, "{text}");
        }
    }
}
