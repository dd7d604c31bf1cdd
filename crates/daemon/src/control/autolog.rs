//! AUTO log files: made when a group becomes active, removed at the next start of a daemon of the same identifier.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use config::{DaemonConfig, GroupConfig, LogTarget, ProcessConfig};
use engine::{AutoLog, SpawnOrder};
use model::Channel;

/// Where AUTO logs are made, and what is in their names.
#[derive(Clone, Debug, Default)]
pub struct AutoLogPlace {
    folder: PathBuf,
    identifier: String,
}

/// Random characters in a name, as many as Python's `mkstemp` takes.
const RANDOM: usize = 8;
/// Names that are tried before giving up: two of them being taken by chance is unheard of.
const ATTEMPTS: usize = 16;

impl AutoLogPlace {
    /// As configured.
    #[must_use]
    pub fn of(config: &DaemonConfig) -> Self {
        Self { folder: config.childlogdir.clone(), identifier: config.identifier.clone() }
    }
}

/// Makes the files of a group. One that cannot be made gets a name all the same: opening it at the start of its program
/// then tells why.
#[must_use]
pub fn make(place: &AutoLogPlace, group: &GroupConfig) -> Vec<AutoLog> {
    named(group, |process, channel| create(place, &process.name, channel))
}

/// The same, but for programs that are about to start: opening their logs makes them, beside the daemon's first forks.
#[must_use]
pub fn make_for_start(place: &AutoLogPlace, group: &GroupConfig) -> Vec<AutoLog> {
    named(group, |process, channel| match process.autostart {
        true => name(place, &process.name, channel),
        false => create(place, &process.name, channel),
    })
}

/// Makes the logs of a program that cannot be started: nobody is going to open them, and whoever looks into them finds
/// them empty, as in the reference. Those that are there stay as they are.
pub fn make_for_failed(order: &SpawnOrder) {
    let outputs = [&order.config.stdout, &order.config.stderr];
    for (path, output) in order.logs.iter().zip(outputs) {
        if let (Some(path), LogTarget::Auto) = (path, &output.logfile) {
            // Where it cannot be made there is none to look into.
            let _ = new_file(path);
        }
    }
}

fn named(group: &GroupConfig, path: impl Fn(&ProcessConfig, Channel) -> PathBuf) -> Vec<AutoLog> {
    let mut made = Vec::new();
    for process in &group.processes {
        for (channel, output) in [(Channel::Stdout, &process.stdout), (Channel::Stderr, &process.stderr)] {
            if output.logfile == LogTarget::Auto {
                made.push(AutoLog { process: process.name.clone(), channel, path: path(process, channel) });
            }
        }
    }
    made
}

/// True if a group has files to be made.
#[must_use]
pub fn wanted(group: &GroupConfig) -> bool {
    group
        .processes
        .iter()
        .any(|process| process.stdout.logfile == LogTarget::Auto || process.stderr.logfile == LogTarget::Auto)
}

fn create(place: &AutoLogPlace, process: &str, channel: Channel) -> PathBuf {
    let mut path = PathBuf::new();
    for _ in 0..ATTEMPTS {
        path = name(place, process, channel);
        match new_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Ok(_) | Err(_) => break,
        }
    }
    path
}

fn new_file(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn name(place: &AutoLogPlace, process: &str, channel: Channel) -> PathBuf {
    place.folder.join(format!("{process}-{}---{}-{}.log", channel.name(), place.identifier, random()))
}

/// Unpredictable, so that nobody can wait at a name in a shared folder.
fn random() -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut number = RandomState::new().build_hasher().finish();
    let mut text = String::with_capacity(RANDOM);
    for _ in 0..RANDOM {
        let letter = LETTERS.get(usize::try_from(number % 36).unwrap_or(0)).copied().unwrap_or(b'x');
        text.push(char::from(letter));
        number /= 36;
    }
    text
}

/// Removes the AUTO logs, rotated ones too, that earlier daemons of this identifier have left, but for those to `keep`. Returns lines of warning in
/// the reference's words.
#[must_use]
pub fn remove_old(config: &DaemonConfig, keep: &HashSet<PathBuf>) -> Vec<String> {
    let Ok(entries) = fs::read_dir(&config.childlogdir) else {
        return vec!["Could not clear childlog dir".into()];
    };
    let mut warnings = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_kept = || is_one_of(&entry.path(), keep);
        if is_autolog(&name.to_string_lossy(), &config.identifier)
            && !is_kept()
            && fs::remove_file(entry.path()).is_err()
        {
            warnings.push(format!("Failed to clean up '{}'", shown(&entry.path())));
        }
    }
    warnings
}

/// A log of an adopted program, or what rotation made of it.
fn is_one_of(path: &Path, keep: &HashSet<PathBuf>) -> bool {
    keep.contains(path) || path.extension().is_some_and(|end| end != "log") && keep.contains(&path.with_extension(""))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `NAME---IDENTIFIER-RANDOM.log`, and what rotation appends (the reference's pattern `.+?---ID-\S+\.log\.{0,1}\d{0,4}`,
/// which need not match to the end of the name).
fn is_autolog(name: &str, identifier: &str) -> bool {
    let marker = format!("---{identifier}-");
    name.match_indices(&marker).filter(|&(at, _)| at > 0).any(|(at, _)| {
        let rest = name.get(at + marker.len()..).unwrap_or_default();
        let word = rest.split(char::is_whitespace).next().unwrap_or_default();
        word.find(".log").is_some_and(|end| end > 0) || word.get(1..).is_some_and(|tail| tail.contains(".log"))
    })
}

#[cfg(test)]
mod tests {
    use super::is_autolog;

    #[test]
    fn only_logs_of_this_identifier_are_old_ones() {
        assert!(is_autolog("web-stdout---supervisor-abc123.log", "supervisor"));
        assert!(is_autolog("web-stdout---supervisor-abc123.log.3", "supervisor"));
        assert!(!is_autolog("web-stdout---other-abc123.log", "supervisor"));
        assert!(!is_autolog("---supervisor-abc.log", "supervisor"));
        assert!(!is_autolog("web-stdout---supervisor-.log", "supervisor"));
        assert!(!is_autolog("web-stdout---supervisor-a b.log", "supervisor"));
    }
}
