//! How often the daemon wakes while nothing happens.

use std::time::Duration;

use anyhow::Result;

use super::daemon::{Daemon, Plan};
use super::process::switches;
use super::table::Row;
use super::{Bench, Side};

const COUNT: usize = 100;

/// Context switches a second of all its threads, 100 programs, no listener, no client.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let window = Duration::from_secs(bench.pick(20, 5));
    let mut plan = Plan::default();
    plan.sleepers(0..COUNT);
    let one = |side: &Side| {
        let daemon = Daemon::running(side, &plan, COUNT)?;
        std::thread::sleep(Duration::from_secs(2));
        let before = switches(daemon.pid())?;
        std::thread::sleep(window);
        Ok((switches(daemon.pid())? - before) / window.as_secs_f64())
    };
    Ok(vec![Row::lower("idle wake-ups, 100 programs", "1/s", bench.each(one)?).aim("0")])
}
