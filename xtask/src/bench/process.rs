//! What the kernel says of a process: memory, time, wake-ups.

use anyhow::{Context, Result};

/// Proportional set size in KiB (`Pss` of smaps_rollup, proc(5)).
pub fn pss(pid: u32) -> Result<f64> {
    let text = read(&format!("/proc/{pid}/smaps_rollup"))?;
    number_after(&text, "Pss:").context("smaps_rollup has no Pss")
}

/// User and system time so far, in seconds (proc(5), stat, fields 14 and 15).
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = read(&format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("stat has no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok((ticks(11) + ticks(12)) / per_second)
}

/// Context switches of all its threads so far: each is a wake-up, or the end of one's time slice.
pub fn switches(pid: u32) -> Result<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        let text = read(&task.path().join("status").display().to_string())?;
        sum += number_after(&text, "\nvoluntary_ctxt_switches:").unwrap_or_default();
        sum += number_after(&text, "\nnonvoluntary_ctxt_switches:").unwrap_or_default();
    }
    Ok(sum)
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

fn number_after(text: &str, word: &str) -> Option<f64> {
    text.split_once(word)?.1.split_whitespace().next()?.parse().ok()
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The largest value.
pub fn worst(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}
