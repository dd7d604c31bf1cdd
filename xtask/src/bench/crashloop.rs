//! The worst answer to a call while the daemon is busy: 100 programs crash and come back, or some flood their logs.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::process::worst;
use super::table::Row;
use super::{Bench, Side};

/// Worst of calls to `getState` made every 5 ms over a kept unix socket, in milliseconds.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let window = Duration::from_secs(bench.pick(20, 5));
    let mut crashing = Plan::default();
    for number in 0..100 {
        crashing.program(&format!("p{number}"), "/bin/false", "autorestart=true\nstartretries=1000000");
    }
    let mut flooding = Plan::default();
    for number in 0..4 {
        let options = format!(
            "stderr_logfile=NONE\nstdout_logfile=%(here)s/{number}.log\nstdout_logfile_maxbytes=50MB\nstdout_logfile_backups=1"
        );
        flooding.program(&format!("p{number}"), &command(&format!("flood {}", 1_usize << 42))?, &options);
    }
    let crash = bench.each(|side| answered(side, &crashing, 100, window))?;
    let flood = bench.each(|side| answered(side, &flooding, 4, window))?;
    Ok(vec![
        Row::lower("worst answer while 100 programs crash-loop", "ms", crash).aim("≤ 20 ms"),
        Row::lower("worst answer while 4 programs flood their logs", "ms", flood).aim("≤ 20 ms"),
    ])
}

fn answered(side: &Side, plan: &Plan, count: usize, window: Duration) -> Result<f64> {
    let daemon = Daemon::running(side, plan, count)?;
    let mut connection = daemon.unix()?;
    let began = Instant::now();
    let mut values = Vec::new();
    while began.elapsed() < window {
        let asked = Instant::now();
        connection.call("supervisor.getState", &[])?;
        values.push(asked.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(worst(&values))
}
