//! CPU and memory of programs with all that they have started, from /proc (proc(5)); read only while somebody looks.
//!
//! A program is the process that supervisord started and its descendants. The time of a descendant that has ended is its
//! parent's (`cutime`), so that the sum over the tree only grows.

use std::collections::HashMap;
use std::fs;
use std::time::Instant;

use rustix::param::{clock_ticks_per_second, page_size};

/// What a program uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Percent of one processor since the last look; `None` at the first.
    pub cpu: Option<f32>,
    /// Bytes resident.
    pub memory: u64,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last: HashMap<u32, u64>,
    at: Option<Instant>,
}

/// A line of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
    pages: u64,
}

impl Meter {
    /// The usage of these processes, by process id; without those that have gone.
    pub fn read(&mut self, pids: &[u32]) -> HashMap<u32, Usage> {
        let all = processes();
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (&pid, stat) in &all {
            children.entry(stat.parent).or_default().push(pid);
        }
        let now = Instant::now();
        let elapsed = self.at.map(|at| (now - at).as_secs_f32()).filter(|&seconds| seconds > 0.0);
        let mut ticks = HashMap::new();
        let mut usage = HashMap::new();
        for &pid in pids.iter().filter(|pid| all.contains_key(pid)) {
            let (used, pages) = sum(pid, &all, &children);
            let cpu = elapsed.zip(self.last.get(&pid)).map(|(seconds, before)| {
                let spent = used.saturating_sub(*before) as f32 / clock_ticks_per_second() as f32;
                // Tenths are shown; finer changes are noise that would be sent to every viewer.
                (spent / seconds * 1000.0).round() / 10.0
            });
            ticks.insert(pid, used);
            usage.insert(pid, Usage { cpu, memory: pages * page_size() as u64 });
        }
        self.last = ticks;
        self.at = Some(now);
        usage
    }
}

fn sum(root: u32, all: &HashMap<u32, Stat>, children: &HashMap<u32, Vec<u32>>) -> (u64, u64) {
    let (mut ticks, mut pages) = (0, 0);
    let mut rest = vec![root];
    // Parents form a tree, save when ids are used again while /proc is read: nobody is counted twice for that.
    let mut left = all.len();
    while let Some(pid) = rest.pop() {
        if left == 0 {
            break;
        }
        left -= 1;
        if let Some(stat) = all.get(&pid) {
            ticks += stat.ticks;
            pages += stat.pages;
        }
        rest.extend(children.get(&pid).into_iter().flatten());
    }
    (ticks, pages)
}

fn processes() -> HashMap<u32, Stat> {
    let Ok(folder) = fs::read_dir("/proc") else { return HashMap::new() };
    folder
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parse(&String::from_utf8_lossy(&line))?))
        })
        .collect()
}

/// The fields after the command, which may itself hold blanks and parentheses: state, ppid …
fn parse(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<i64>().ok());
    let own = |number| field(number).and_then(|value| u64::try_from(value).ok());
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        ticks: own(14)? + own(15)? + own(16)? + own(17)?,
        pages: own(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Meter, Stat, parse};

    #[test]
    fn a_command_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let line = "42 (a) S 1 (b) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 1000 99 18446744073709551615";
        assert_eq!(parse(line), Some(Stat { parent: 7, ticks: 100, pages: 99 }));
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn this_process_uses_memory_and_a_dead_one_is_left_out() {
        let mut meter = Meter::default();
        let own = std::process::id();
        let first = meter.read(&[own, u32::MAX]);
        assert!(first[&own].memory > 100_000 && first[&own].cpu.is_none() && first.len() == 1);
        assert!(meter.read(&[own])[&own].cpu.is_some());
    }
}
