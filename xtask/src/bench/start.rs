//! How long 300 programs take to start, from the execution of the daemon, beside a bare loop that spawns as many.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::Result;

use super::daemon::{Daemon, Plan, Scratch};
use super::process::median;
use super::table::Row;
use super::{Bench, Side};

const COUNT: usize = 300;

/// Median of some runs, in milliseconds.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let runs = bench.pick(5, 2);
    let mut plan = Plan::default();
    plan.sleepers(0..COUNT);
    let bare = many(runs, || bare_loop(COUNT))?;
    // An ext4 without a journal is slow to make files for some minutes after others were deleted: the folders stay until the
    // last run is over.
    let folders = RefCell::new(Vec::new());
    let measured = bench.each(|side| {
        many(runs, || {
            let (took, folder) = started(side, &plan)?;
            folders.borrow_mut().push(folder);
            Ok(took)
        })
    })?;
    let name = "start 300 programs, exec of the daemon to all RUNNING";
    Ok(vec![Row::lower(name, "ms", measured).beside("bare posix_spawn loop", bare).aim("≤ 1.5 × the bare loop")])
}

fn many(runs: usize, one: impl Fn() -> Result<f64>) -> Result<f64> {
    let mut values = (0..runs).map(|_| one()).collect::<Result<Vec<f64>>>()?;
    Ok(median(&mut values))
}

fn started(side: &Side, plan: &Plan) -> Result<(f64, Option<Scratch>)> {
    let mut daemon = Daemon::start(side, plan)?;
    let took = daemon.until_running(COUNT)?.as_secs_f64() * 1e3;
    Ok((took, daemon.end()))
}

/// Milliseconds to spawn so many programs that sleep, one after another. std::process::Command takes posix_spawn here:
/// nothing is done between fork and exec.
pub fn bare_loop(count: usize) -> Result<f64> {
    let began = Instant::now();
    let spawn = |_| Command::new("/bin/sleep").arg("1000000").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let children: Vec<Child> = (0..count).map(spawn).collect::<std::io::Result<_>>()?;
    let took = began.elapsed();
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    Ok(took.as_secs_f64() * 1e3)
}
