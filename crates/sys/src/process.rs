//! The process table, as /proc shows it: who is whose child, and which process a number stands for.
//!
//! Deliberately absent: memory and processor time (whoever shows those reads them).

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use model::Moment;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its process id.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// When it started, in ticks since boot: with the pid it names a process for good.
    pub start: u64,
    /// It has ended and waits to be reaped.
    pub zombie: bool,
}

impl Row {
    /// The moment at which it started: the table counts on the clock of all deadlines.
    #[must_use]
    pub fn started_at(&self) -> Moment {
        Moment(self.start.saturating_mul(tick()))
    }
}

/// Nanoseconds of a tick of the table.
fn tick() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second().max(1)
}

/// The table counts as our clock does; not known before the first look.
static AGREES: OnceLock<bool> = OnceLock::new();

/// The `start` of a process that was made between two moments, while there is one. If both lie in one tick it is known
/// without a look into the table.
#[must_use]
pub fn start_between(pid: u32, from: Moment, to: Moment) -> Option<u64> {
    let told = || row(pid).map(|row| row.start);
    let (first, last) = (from.0 / tick(), to.0 / tick());
    if first != last {
        return told();
    }
    match AGREES.get() {
        Some(true) => Some(first),
        Some(false) => told(),
        None => told().inspect(|start| {
            // Another thread may have looked at the same time.
            let _ = AGREES.set(*start == first);
        }),
    }
}

/// A process' row, while there is one.
#[must_use]
pub fn row(pid: u32) -> Option<Row> {
    parse(&stat(pid)?)
}

/// proc_pid_stat(5), by one read.
fn stat(pid: u32) -> Option<String> {
    let mut line = [0; 1024];
    let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    Some(String::from_utf8_lossy(line.get(..length)?).into_owned())
}

/// A variable of the environment that a process was started with, if we may see it and it has not been written over.
#[must_use]
pub fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let texts = environment.split(|&byte| byte == 0).filter_map(|text| std::str::from_utf8(text).ok());
    texts.filter_map(|text| text.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned).next_back()
}

/// The ancestors of a process, its parent first, as far as this namespace shows them.
#[must_use]
pub fn ancestors(pid: u32) -> Vec<u32> {
    let parent_of = |pid: &u32| row(*pid).map(|row| row.parent).filter(|parent| *parent != 0);
    std::iter::successors(Some(pid), parent_of).skip(1).collect()
}

/// How a process ended that waits to be reaped by another than us: `Unknown` where we may not know.
#[must_use]
pub fn status_of_zombie(pid: u32) -> model::ExitStatus {
    let unknown = model::ExitStatus::Unknown;
    let Some(stat) = stat(pid) else { return unknown };
    if !parse(&stat).is_some_and(|row| row.zombie) || !may_look_into(pid) {
        return unknown;
    }
    // The last field is the status as wait(2) gives it. It is shown as 0 to those who may not look into the process.
    stat.split_ascii_whitespace().next_back().and_then(|code| code.parse().ok()).map_or(unknown, crate::wait::decode)
}

/// The kernel shows another user's exit status to nobody but root.
fn may_look_into(pid: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid();
    me.is_root() || std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| found.uid() == me.as_raw())
}

/// All processes that can be seen.
#[must_use]
pub fn table() -> Vec<Row> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| row(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The descendants of a process, parents before their children, the process itself not among them.
#[must_use]
pub fn descendants(pid: u32, table: &[Row]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in table {
        children.entry(row.parent).or_default().push(row.pid);
    }
    let (mut found, mut next) = (Vec::new(), 0);
    found.extend(children.remove(&pid).unwrap_or_default());
    while let Some(&child) = found.get(next) {
        next += 1;
        found.extend(children.remove(&child).unwrap_or_default());
    }
    found
}

/// proc_pid_stat(5): the name in brackets may hold anything, so fields are counted from the last bracket on.
fn parse(stat: &str) -> Option<Row> {
    let pid = stat.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse().ok();
    let id = |place: usize| u32::try_from(number(place)?).ok();
    let zombie = matches!(*fields.first()?, "Z" | "X");
    Some(Row { pid, parent: id(1)?, group: id(2)?, session: id(3)?, start: number(19)?, zombie })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_table_and_its_child_is_below_it() {
        let me = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").env("VARIABLE", "a=b").spawn().unwrap();
        // Whoever spawned it goes on when its old memory is gone, which is before its new one is complete.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while variable(child.id(), "VARIABLE").is_none() && std::time::Instant::now() < limit {
            std::thread::yield_now();
        }
        assert_eq!(variable(child.id(), "VARIABLE").as_deref(), Some("a=b"));
        assert_eq!(variable(child.id(), "VARIA"), None);
        let table = table();
        assert!(descendants(me, &table).contains(&child.id()));
        let parent = row(me).unwrap().parent;
        assert_eq!(ancestors(child.id()).get(..2), Some(&[me, parent][..]));
        assert!(descendants(parent, &table).contains(&child.id()));
        assert!(row(child.id()).unwrap().start >= row(me).unwrap().start);
        let age = crate::clock::now().since(row(child.id()).unwrap().started_at());
        assert!(age.as_secs() < 60, "{age:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(row(child.id()), None);
    }

    #[test]
    fn when_a_child_started_is_known_from_the_moments_around_its_making() {
        for _ in 0..20 {
            let from = crate::clock::now();
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let to = crate::clock::now();
            assert_eq!(start_between(child.id(), from, to), row(child.id()).map(|row| row.start));
            let long_ago = Moment(0);
            assert_eq!(start_between(child.id(), long_ago, to), row(child.id()).map(|row| row.start));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(AGREES.get(), Some(&true), "the table counts on the clock of all deadlines");
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_confuse() {
        let stat = "12 (a) R 1 (b) S 7 8 9 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 777 1 2";
        let row = parse(stat).unwrap();
        assert_eq!((row.pid, row.parent, row.group, row.session, row.start), (12, 7, 8, 9, 777));
        assert_eq!(parse("nonsense"), None);
    }
}
