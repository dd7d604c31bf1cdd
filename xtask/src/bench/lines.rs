//! 200 programs that write lines of 100 bytes as fast as they can, each into its own log; beside them, what they write if
//! their reader does nothing but read.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::process::median;
use super::table::Row;
use super::{Bench, Side};

const PROGRAMS: u32 = 200;
/// Between two rounds of a reader that does nothing else.
const PAUSE: Duration = Duration::from_millis(4);

/// Lines a second of all, and the share of the least served program in the mean: medians of rounds in which all take turns.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let window = Duration::from_secs(bench.pick(5, 3));
    let mut sides = vec![(Vec::new(), Vec::new()); bench.sides.len()];
    let mut floors = Vec::new();
    for _ in 0..bench.pick(3, 1) {
        for ((rates, shares), side) in sides.iter_mut().zip(&bench.sides) {
            let (rate, share) = written(side, window)?;
            rates.push(rate);
            shares.push(share);
        }
        floors.push(read_only(window)?);
    }
    let (rates, shares) = sides.iter_mut().map(|(rates, shares)| (Some(median(rates)), Some(median(shares)))).unzip();
    Ok(vec![
        Row::higher("200 programs writing 100-byte lines", "lines/s", rates)
            .beside("their output only read", median(&mut floors))
            .aim("≥ 10 ×"),
        Row::higher("… the least served program's share of the mean", "%", shares).aim("fair"),
    ])
}

/// Lines a second of as many programs whose pipes are read in turn, and nothing is logged.
fn read_only(window: Duration) -> Result<f64> {
    let mut children = Vec::new();
    for _ in 0..PROGRAMS {
        let tool = std::env::current_exe()?;
        children.push(Command::new(tool).args(["bench-child", "lines"]).stdout(Stdio::piped()).spawn()?);
    }
    let mut pipes = Vec::new();
    for child in &mut children {
        let pipe = child.stdout.take().context("no pipe")?;
        rustix::io::ioctl_fionbio(&pipe, true)?;
        pipes.push(pipe);
    }
    let (mut buffer, mut bytes) = (vec![0; 64 * 1024], 0);
    let began = Instant::now();
    while began.elapsed() < window {
        bytes += pipes.iter().filter_map(|pipe| rustix::io::read(pipe, &mut buffer[..]).ok()).sum::<usize>();
        std::thread::sleep(PAUSE);
    }
    let seconds = began.elapsed().as_secs_f64();
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    Ok(bytes as f64 / 100.0 / seconds)
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
