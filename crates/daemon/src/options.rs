//! The command line of supervisord: THE table of its flags, read as Python's getopt reads them.
//!
//! `-t` differs from the reference, where it strips ANSI sequences: with no flag beside it that makes a daemon run (only
//! `-c`, `--strict` and `--test-config`) it checks the configuration; among others it still strips.
//! Deliberately absent: what the flags do (`config::Flags` carries them into the configuration).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use config::{Errors, Flags, Host, value};
use serde::{Deserialize, Serialize};

/// A flag: its letter, its long name, what its value is called, and its line of the help.
struct Flag {
    id: Id,
    short: Option<char>,
    long: &'static str,
    value: Option<&'static str>,
    help: &'static str,
}

/// Which flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Help,
    Version,
    Configuration,
    Nodaemon,
    Silent,
    User,
    Umask,
    Directory,
    Logfile,
    LogfileMaxbytes,
    LogfileBackups,
    Loglevel,
    Pidfile,
    Identifier,
    Childlogdir,
    Nocleanup,
    Minfds,
    Minprocs,
    StripAnsi,
    ProfileOptions,
    TestConfig,
    Strict,
}

const fn flag(
    id: Id,
    short: Option<char>,
    long: &'static str,
    value: Option<&'static str>,
    help: &'static str,
) -> Flag {
    Flag { id, short, long, value, help }
}

/// THE flags, in the order of the help.
const FLAGS: &[Flag] = &[
    flag(
        Id::Configuration,
        Some('c'),
        "configuration",
        Some("FILENAME"),
        "read this file instead of searching for one",
    ),
    flag(Id::Nodaemon, Some('n'), "nodaemon", None, "stay in the foreground"),
    flag(Id::Silent, Some('s'), "silent", None, "keep the log off stdout"),
    flag(Id::Help, Some('h'), "help", None, "print this and exit"),
    flag(Id::Version, Some('v'), "version", None, "print the version and exit"),
    flag(Id::User, Some('u'), "user", Some("USER"), "become this user (a name or a number)"),
    flag(Id::Umask, Some('m'), "umask", Some("UMASK"), "the daemon's umask, in octal (default 022)"),
    flag(Id::Directory, Some('d'), "directory", Some("DIRECTORY"), "where to go when in the background"),
    flag(Id::Logfile, Some('l'), "logfile", Some("FILENAME"), "the daemon's own log"),
    flag(Id::LogfileMaxbytes, Some('y'), "logfile_maxbytes", Some("BYTES"), "size at which the log is rotated"),
    flag(Id::LogfileBackups, Some('z'), "logfile_backups", Some("NUM"), "old logs that are kept"),
    flag(
        Id::Loglevel,
        Some('e'),
        "loglevel",
        Some("LEVEL"),
        "what is logged: critical, error, warn, info, debug, trace",
    ),
    flag(Id::Pidfile, Some('j'), "pidfile", Some("FILENAME"), "where the process id is written"),
    flag(Id::Identifier, Some('i'), "identifier", Some("STR"), "the name of this daemon for clients"),
    flag(Id::Childlogdir, Some('q'), "childlogdir", Some("DIRECTORY"), "where AUTO logs are kept"),
    flag(Id::Nocleanup, Some('k'), "nocleanup", None, "leave old AUTO logs where they are"),
    flag(Id::Minfds, Some('a'), "minfds", Some("NUM"), "file descriptors that must be available"),
    flag(Id::StripAnsi, None, "strip_ansi", None, "strip ANSI sequences from logs of programs"),
    flag(Id::Minprocs, None, "minprocs", Some("NUM"), "processes that must be available"),
    flag(Id::ProfileOptions, None, "profile_options", Some("OPTIONS"), "accepted, and without effect"),
    flag(
        Id::TestConfig,
        Some('t'),
        "test-config",
        None,
        "check the configuration and exit (beside -n and others: strip_ansi)",
    ),
    flag(Id::Strict, None, "strict", None, "take what is doubtful in the configuration for an error"),
];

/// Flags that the reference does not have: an abbreviation means one of them only if it means none of the others.
const OURS: [Id; 2] = [Id::TestConfig, Id::Strict];

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Print this to stdout and exit with status 0.
    Say(String),
    /// Check the configuration and exit.
    Check(Options),
    /// Run.
    Run(Options),
}

/// The values of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// `-c`, as given.
    pub file: Option<PathBuf>,
    /// What wins over the file.
    pub flags: Flags,
    /// `--strict`: doubts are errors.
    pub strict: bool,
}

/// What supervisord says when root lets it search for its configuration.
const SEARCHING_AS_ROOT: &str = "Supervisord is running as root and it is searching for its configuration file in \
     default locations (including its current working directory); you probably want to specify a \"-c\" argument \
     specifying an absolute path to a configuration file for improved security.";

impl Options {
    /// The configuration file, searched for if none is named.
    ///
    /// # Errors
    /// The usage error if there is none.
    pub fn locate(&self, host: &dyn Host, program: &Path) -> Result<PathBuf, String> {
        self.file.clone().map_or_else(|| config::search(host, program), Ok)
    }

    /// A warning for stderr, before the search.
    #[must_use]
    pub fn doubt_of_search(&self, host: &dyn Host) -> Option<&'static str> {
        (self.file.is_none() && host.uid() == 0).then_some(SEARCHING_AS_ROOT)
    }
}

/// The path that was executed: what the reference calls its program name.
#[must_use]
pub fn program() -> PathBuf {
    let name = rustix::param::linux_execfn();
    String::from_utf8_lossy(name.to_bytes()).into_owned().into()
}

/// Tells a usage error on stderr, in the reference's form.
pub fn usage(program: &Path, text: &str) -> ExitCode {
    eprintln!("Error: {text}\nFor help, use {} -h", program.display());
    ExitCode::from(2)
}

/// Tells on stderr why a configuration is refused: the reference's line, then every problem with its place.
pub fn refuse(program: &Path, errors: &Errors) -> ExitCode {
    let mut text = errors.first().to_owned();
    for problem in errors.0.iter().filter(|problem| problem.place.is_some()) {
        text.push_str(&format!("\n  {problem}"));
    }
    usage(program, &text)
}

/// Reads a command line, without the program's name.
///
/// # Errors
/// The text of the usage error.
pub fn parse(host: &dyn Host, program: &Path, arguments: &[String]) -> Result<Request, String> {
    let found = getopt(arguments)?;
    let asks = |id: Id| matches!(id, Id::TestConfig | Id::Configuration | Id::Strict);
    let short_t = found.iter().any(|given| given.shown == "-t");
    let checks = found.iter().any(|given| given.shown == "--test-config")
        || (short_t && found.iter().all(|given| asks(given.id)));
    let mut options = Options::default();
    let mut seen: Vec<Id> = Vec::new();
    for given in found {
        match given.id {
            Id::Help => return Ok(Request::Say(help(program))),
            Id::Version => return Ok(Request::Say(format!("{}\n", model::SUPERVISOR_VERSION))),
            _ => {}
        }
        let id = if given.shown == "-t" && !checks { Id::StripAnsi } else { given.id };
        set(host, &mut options, id, &given.value)
            .map_err(|why| format!("invalid value for {} {}: {why}", given.shown, repr(&given.value)))?;
        if seen.contains(&id) && !OURS.contains(&id) {
            return Err(format!("conflicting command line option '{}'", given.shown));
        }
        seen.push(id);
    }
    Ok(if checks { Request::Check(options) } else { Request::Run(options) })
}

fn repr(text: &str) -> String {
    config::quoted(text)
}

/// A flag as it was given: its name in full and its value.
struct Given {
    id: Id,
    shown: String,
    value: String,
}

/// Python's `getopt.getopt`: options end at the first argument that is none; nothing may follow.
fn getopt(arguments: &[String]) -> Result<Vec<Given>, String> {
    let mut found = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.clone().next() {
        if !argument.starts_with('-') || argument == "-" {
            break;
        }
        rest.next();
        if argument == "--" {
            break;
        }
        match argument.strip_prefix("--") {
            Some(long) => found.push(long_option(long, &mut rest)?),
            None => short_options(argument, &mut rest, &mut found)?,
        }
    }
    let left: Vec<String> = rest.map(|argument| repr(argument)).collect();
    if left.is_empty() {
        return Ok(found);
    }
    Err(format!("positional arguments are not supported: [{}]", left.join(", ")))
}

fn long_option<'a>(text: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<Given, String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    let begin: Vec<&Flag> = FLAGS.iter().filter(|flag| flag.long.starts_with(name)).collect();
    let theirs: Vec<&Flag> = begin.iter().copied().filter(|flag| !OURS.contains(&flag.id)).collect();
    let candidates = if theirs.is_empty() { begin.clone() } else { theirs };
    let exact = begin.iter().copied().find(|flag| flag.long == name);
    let flag = match (exact, candidates.as_slice()) {
        (Some(flag), _) => flag,
        (None, [flag]) => *flag,
        (None, []) => return Err(format!("option --{name} not recognized")),
        (None, _) => return Err(format!("option --{name} not a unique prefix")),
    };
    let shown = format!("--{}", flag.long);
    let value = match (flag.value, value) {
        (Some(_), Some(value)) => value,
        (Some(_), None) => rest.next().cloned().ok_or_else(|| format!("option {shown} requires argument"))?,
        (None, Some(_)) => return Err(format!("option {shown} must not have an argument")),
        (None, None) => String::new(),
    };
    Ok(Given { id: flag.id, shown, value })
}

fn short_options<'a>(
    argument: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    found: &mut Vec<Given>,
) -> Result<(), String> {
    let mut letters = argument.chars().skip(1);
    while let Some(letter) = letters.next() {
        let shown = format!("-{letter}");
        // `-?` is another `-h`.
        let known = FLAGS.iter().find(|flag| flag.short == Some(if letter == '?' { 'h' } else { letter }));
        let flag = known.ok_or_else(|| format!("option {shown} not recognized"))?;
        let mut value = String::new();
        if flag.value.is_some() {
            value = letters.by_ref().collect();
            if value.is_empty() {
                value = rest.next().cloned().ok_or_else(|| format!("option {shown} requires argument"))?;
            }
        }
        found.push(Given { id: flag.id, shown, value });
    }
    Ok(())
}

/// Takes a flag's value.
fn set(host: &dyn Host, options: &mut Options, id: Id, text: &str) -> Result<(), String> {
    let flags = &mut options.flags;
    match id {
        Id::Help | Id::Version | Id::ProfileOptions | Id::TestConfig => {}
        Id::Strict => options.strict = true,
        Id::Configuration => options.file = Some(text.into()),
        Id::Nodaemon => flags.nodaemon = true,
        Id::Silent => flags.silent = true,
        Id::Nocleanup => flags.nocleanup = true,
        Id::StripAnsi => flags.strip_ansi = true,
        Id::User => flags.user = Some(text.into()),
        Id::Identifier => flags.identifier = Some(text.into()),
        Id::Umask => flags.umask = Some(value::octal(text)?),
        Id::Directory => flags.directory = Some(value::existing_directory(host, text)?.into()),
        Id::Childlogdir => flags.childlogdir = Some(value::existing_directory(host, text)?.into()),
        // An empty name leaves what the file says.
        Id::Logfile | Id::Pidfile if text.is_empty() => {}
        Id::Logfile => flags.logfile = Some(value::existing_dirpath(host, text)?),
        Id::Pidfile => flags.pidfile = Some(value::existing_dirpath(host, text)?.into()),
        Id::LogfileMaxbytes => flags.logfile_maxbytes = Some(value::byte_size(text)?),
        Id::LogfileBackups => flags.logfile_backups = Some(value::small_count(text)?),
        Id::Loglevel => flags.loglevel = Some(value::level(text)?),
        Id::Minfds => flags.minfds = Some(value::count(text)?),
        Id::Minprocs => flags.minprocs = Some(value::count(text)?),
    }
    Ok(())
}

/// The help that `-h` prints.
fn help(program: &Path) -> String {
    let mut out = format!(
        "supervisord -- start programs and keep them running.\n\nUsage: {} [options]\n\nOptions:\n",
        program.display()
    );
    for flag in FLAGS {
        let short = flag.short.map(|letter| format!("-{letter}/")).unwrap_or_default();
        let value = flag.value.map(|value| format!(" {value}")).unwrap_or_default();
        out.push_str(&format!("{short}--{}{value} -- {}\n", flag.long, flag.help));
    }
    out.push_str("\nWithout -c the file is searched for at:\n");
    for path in config::search_paths(program) {
        out.push_str(&format!("  {}\n", path.display()));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sys::host::RealHost;

    use super::{FLAGS, Options, Request, parse};

    fn read(line: &str) -> Result<Request, String> {
        let arguments: Vec<String> = line.split_whitespace().map(Into::into).collect();
        parse(&RealHost::new(), Path::new("/usr/bin/supervisord"), &arguments)
    }

    fn run(line: &str) -> Options {
        match read(line) {
            Ok(Request::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn flags_are_read_as_getopt_reads_them() {
        let options = run("-nc/etc/x.conf -e debug --logfile_max 1MB --ident=web --user root -z3");
        assert_eq!((options.file.as_deref(), options.flags.nodaemon), (Some(Path::new("/etc/x.conf")), true));
        assert_eq!((options.flags.logfile_maxbytes, options.flags.logfile_backups), (Some(1 << 20), Some(3)));
        assert_eq!((options.flags.identifier.as_deref(), options.flags.user.as_deref()), (Some("web"), Some("root")));
        assert_eq!(run("-- "), Options::default());
    }

    #[test]
    fn wrong_flags_are_refused_in_the_references_words() {
        for (line, words) in [
            ("--no-such-flag", "option --no-such-flag not recognized"),
            ("-x", "option -x not recognized"),
            ("positional -n", "positional arguments are not supported: ['positional', '-n']"),
            ("-c", "option -c requires argument"),
            ("--loglevel", "option --loglevel requires argument"),
            ("--nodaemon=1", "option --nodaemon must not have an argument"),
            ("--log", "option --log not a unique prefix"),
            ("--s", "option --s not a unique prefix"),
            ("-e loud", "invalid value for -e 'loud': bad logging level name 'loud'"),
            ("--umask 999", "invalid value for --umask '999': 999 can not be converted to an octal type"),
            ("-d /no/such", "invalid value for -d '/no/such': /no/such is not an existing directory"),
            ("-i a -i b", "conflicting command line option '-i'"),
            ("-n --nodaemon", "conflicting command line option '--nodaemon'"),
        ] {
            assert_eq!(read(line).unwrap_err(), words, "{line}");
        }
    }

    #[test]
    fn t_checks_unless_it_stands_among_flags_of_a_daemon() {
        for line in ["-t", "-t -c /etc/x", "-tc/etc/x --strict", "--test-config -n", "--test", "-n --test-config -t"] {
            assert!(matches!(read(line), Ok(Request::Check(_))), "{line}");
        }
        for line in ["-n -t", "-c /etc/x -kt", "--strip_ansi", "--st"] {
            assert!(run(line).flags.strip_ansi, "{line}");
        }
        assert!(run("--stric").strict);
    }

    #[test]
    fn help_and_version_are_said_and_every_flag_is_told() {
        assert_eq!(read("-v"), Ok(Request::Say("4.3.0\n".into())));
        for line in ["-h", "--help", "-?", "-h -v"] {
            let Ok(Request::Say(help)) = read(line) else { panic!("{line}") };
            assert!(FLAGS.iter().all(|flag| help.contains(&format!("--{}", flag.long))));
        }
    }
}
