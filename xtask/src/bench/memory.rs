//! What the daemon keeps in memory: with 300 programs, and for each further one.

use std::time::Duration;

use anyhow::Result;

use super::daemon::{Daemon, Plan};
use super::process::pss;
use super::table::Row;
use super::{Bench, Side};

const COUNT: usize = 300;
const MORE: usize = 500;

/// Proportional set size in MB, and KB for each further program with both logs.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let base = bench.each(|side| kept(side, COUNT))?;
    let more = bench.each(|side| kept(side, COUNT + MORE))?;
    let each = |(base, more): (&Option<f64>, &Option<f64>)| Some((more.as_ref()? - base.as_ref()?) / MORE as f64);
    let further = base.iter().zip(&more).map(each).collect();
    let megabytes = base.iter().map(|value| value.map(|value| value / 1024.0)).collect();
    Ok(vec![
        Row::lower("memory with 300 programs (proportional set size)", "MB", megabytes).aim("≤ 6 MB"),
        Row::lower("memory for each further program, both logs", "KB", further).aim("≤ 8 KB"),
    ])
}

fn kept(side: &Side, count: usize) -> Result<f64> {
    let mut plan = Plan { daemon: "minfds=6000".to_owned(), ..Plan::default() };
    plan.sleepers(0..count);
    let daemon = Daemon::running(side, &plan, count)?;
    daemon.ctl(&["status"])?;
    std::thread::sleep(Duration::from_secs(1));
    pss(daemon.pid())
}
