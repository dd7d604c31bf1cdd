//! The whole of `supervisorctl status` with 300 programs: process start, question, answer, table, exit.

use anyhow::Result;

use super::daemon::{Daemon, Plan};
use super::process::median;
use super::table::Row;
use super::{Bench, Side};

const COUNT: usize = 300;

/// Median of many runs, in milliseconds.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let runs = bench.pick(100, 15);
    let mut plan = Plan::default();
    plan.sleepers(0..COUNT);
    let one = |side: &Side| {
        let daemon = Daemon::running(side, &plan, COUNT)?;
        let mut values = Vec::new();
        for _ in 0..runs {
            values.push(daemon.ctl(&["status"])?.as_secs_f64() * 1e3);
        }
        Ok(median(&mut values))
    };
    Ok(vec![Row::lower("`supervisorctl status`, 300 programs, whole process", "ms", bench.each(one)?).aim("≤ 1/30")])
}
