//! Resident memory of processes: what `ps` shows as RSS, read from `/proc` without running it.

use std::fs;

/// Bytes that a process has in memory; `None` if there is no such process.
#[must_use]
pub fn of(pid: u32) -> Option<i64> {
    let page = i64::try_from(rustix::param::page_size()).ok()?;
    // The second field counts pages, proc_pid_statm(5).
    let pages: i64 = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(page))
}

/// Bytes that a process and all its descendants have in memory; pages that they share count once for each.
#[must_use]
pub fn of_tree(pid: u32) -> Option<i64> {
    let own = of(pid)?;
    // A descendant that has ended since the table was read counts nothing.
    let others: i64 = sys::process::descendants(pid, &sys::process::table()).into_iter().filter_map(of).sum();
    Some(own + others)
}

#[cfg(test)]
mod tests {
    use super::{of, of_tree};

    #[test]
    fn a_tree_has_the_memory_of_its_processes() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (parts, whole) = (of(child.id()).unwrap(), of_tree(own).unwrap());
        assert!(parts > 0 && whole >= parts + 100_000, "{parts} of {whole}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(of(child.id()), None);
        assert_eq!(of_tree(child.id()), None);
    }
}
