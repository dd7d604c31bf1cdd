//! 200 programs that write lines of 100 bytes as fast as they can, each into its own log.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::table::Row;
use super::{Bench, Side};

const PROGRAMS: u32 = 200;

/// Lines a second of all, and the share of the least served program in the mean.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let window = Duration::from_secs(bench.pick(8, 3));
    let (mut rates, mut shares) = (Vec::new(), Vec::new());
    for side in &bench.sides {
        let (rate, share) = written(side, window)?;
        rates.push(Some(rate));
        shares.push(Some(share));
    }
    Ok(vec![
        Row::higher("200 programs writing 100-byte lines", "lines/s", rates).aim("≥ 10 ×"),
        Row::higher("… the least served program's share of the mean", "%", shares).aim("fair"),
    ])
}

fn written(side: &Side, window: Duration) -> Result<(f64, f64)> {
    let mut plan = Plan::default();
    let command = command("lines")?;
    for number in 0..PROGRAMS {
        let options = format!("stderr_logfile=NONE\nstdout_logfile=%(here)s/{number}.log\nstdout_logfile_maxbytes=0");
        plan.program(&format!("p{number}"), &command, &options);
    }
    let daemon = Daemon::running(side, &plan, PROGRAMS as usize)?;
    let sizes = || -> Vec<f64> {
        let size =
            |number: u32| std::fs::metadata(daemon.home.join(format!("{number}.log"))).map_or(0, |file| file.len());
        (0..PROGRAMS).map(|number| size(number) as f64 / 100.0).collect()
    };
    let (before, began) = (sizes(), Instant::now());
    std::thread::sleep(window);
    let (after, seconds) = (sizes(), began.elapsed().as_secs_f64());
    let written: Vec<f64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    let sum: f64 = written.iter().sum();
    let least = written.iter().copied().fold(f64::INFINITY, f64::min);
    Ok((sum / seconds, 100.0 * least * f64::from(PROGRAMS) / sum))
}
