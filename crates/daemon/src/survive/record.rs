//! The state file: a line of JSON that says whose it is, then one for each change; the last word about a thing counts.
//!
//! It holds environments and decides who gets signals: only its owner may read or write it. Deliberately absent: when it is
//! written.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use engine::ProcessId;
use engine::handover::{Change, GroupState};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sys::process;

/// The form that is written.
const VERSION: u32 = 1;
/// More is not read: ten thousand programs need a tenth of it.
const LARGEST: u64 = 1 << 30;

/// Whose state it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u32,
    boot: String,
    /// The process ids of one container mean nothing in the next.
    namespace: String,
    /// The daemon.
    pub pid: u32,
    /// When it was started, in ticks since boot.
    pub start: u64,
    /// Its children have the same.
    pub session: u32,
    /// Its address, as its children were told.
    #[serde(default)]
    pub url: Option<String>,
    /// The shared memory in which it has output in hand (shmget(2)).
    #[serde(default)]
    pub segment: Option<i32>,
}

impl Header {
    /// Of this process; `None` without /proc.
    #[must_use]
    pub fn own(url: Option<String>, segment: Option<i32>) -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let row = process::row(std::process::id())?;
        Some(Self {
            version: VERSION,
            boot: boot.trim().to_owned(),
            namespace: namespace.to_string_lossy().into_owned(),
            pid: row.pid,
            start: row.start,
            session: row.session,
            url,
            segment,
        })
    }

    /// It was written under this kernel, where process ids mean the same.
    pub fn is_of_this_place(&self, own: &Self) -> bool {
        self.boot == own.boot && self.namespace == own.namespace
    }

    /// The daemon that wrote it runs.
    pub fn lives(&self) -> bool {
        process::row(self.pid).is_some_and(|row| row.start == self.start && !row.zombie)
    }
}

/// By what a child is known again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its process id.
    pub pid: u32,
    /// When it was started, in ticks since boot.
    pub start: u64,
    /// The inodes of its stdin, stdout and stderr.
    pub pipes: [Option<u64>; 3],
}

/// A change, and what the world adds to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Of the engine's.
    pub change: Change,
    /// Of a process that has a child.
    pub kept: Option<Kept>,
    /// The serial of the next event.
    pub next_serial: u64,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub enum Line {
    /// The first one.
    Header(Header),
    /// Any other.
    Record(Box<Record>),
}

/// All that a file says.
#[derive(Debug)]
pub struct Written {
    /// Whose it is.
    pub header: Header,
    /// The active groups in their order.
    pub groups: Vec<GroupState>,
    /// By what children are known again.
    pub kept: HashMap<ProcessId, Kept>,
    /// The serial of the next event.
    pub next_serial: u64,
}

/// Reads a file; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is not to be trusted.
pub fn read(path: &Path) -> Result<Option<Written>, String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(std::io::Error::from(error).to_string()),
    };
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() || found.mode() & 0o022 != 0 || found.uid() != rustix::process::geteuid().as_raw() {
        return Err("somebody else can write it".into());
    }
    parse(BufReader::new(file.take(LARGEST))).map(Some)
}

/// Reads what a file says.
///
/// # Errors
/// It does not begin as a state file of a known form.
pub fn parse(lines: impl BufRead) -> Result<Written, String> {
    // A line that was cut off when the disk was full or the daemon died is left out.
    let mut lines = lines.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
    let Some(Line::Header(header)) = lines.next() else { return Err("it does not begin as a state file".into()) };
    if header.version != VERSION {
        return Err(format!("it has form {}, and only form {VERSION} is known here", header.version));
    }
    let (mut groups, mut processes, mut kept) = (BTreeMap::new(), HashMap::new(), HashMap::new());
    let mut next_serial = 0;
    for line in lines {
        let Line::Record(record) = line else { continue };
        next_serial = record.next_serial.max(next_serial);
        match record.change {
            Change::Group { place, config, members } => {
                groups.insert(config.name.clone(), (place, config, members));
            }
            Change::Removed { group } => {
                groups.remove(&group);
            }
            Change::Process(state) => {
                match record.kept {
                    Some(one) => kept.insert(state.id, one),
                    None => kept.remove(&state.id),
                };
                processes.insert(state.id, *state);
            }
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(place, ..)| *place);
    let groups = groups.into_iter().filter_map(|(_, config, members)| {
        // Of a group that is not known as a whole nothing is said.
        let processes: Vec<_> = members.iter().map(|id| processes.remove(id)).collect::<Option<_>>()?;
        (processes.len() == config.processes.len()).then_some(GroupState { config, processes, pool: None })
    });
    Ok(Written { header, groups: groups.collect(), kept, next_serial })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a daemon of that form wrote it.
    const FORM_1: &str = include_str!("fixtures/state-1.jsonl");

    #[test]
    fn the_first_form_is_read_for_ever() {
        let written = parse(FORM_1.as_bytes()).unwrap();
        let names: Vec<_> = written.groups.iter().map(|group| group.config.name.as_str()).collect();
        assert_eq!(names, ["cat", "rests"]);
        let words = written.groups.iter().flat_map(|group| &group.processes).map(|state| state.state.word());
        assert_eq!(words.collect::<Vec<_>>(), [model::ProcessState::Running, model::ProcessState::Stopped]);
        assert_eq!(written.kept.len(), 1);
        assert!(written.kept.values().all(|kept| kept.start > 0 && kept.pipes.iter().all(Option::is_some)));
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_another_form_is_refused() {
        let cut = FORM_1.trim_end().len() - 40;
        assert_eq!(parse(FORM_1.as_bytes().get(..cut).unwrap()).unwrap().groups.len(), 2);
        let other = FORM_1.replacen("\"version\":1", "\"version\":9", 1);
        assert_eq!(parse(other.as_bytes()).unwrap_err(), "it has form 9, and only form 1 is known here");
        assert!(parse(&b"nonsense"[..]).is_err());
    }
}
