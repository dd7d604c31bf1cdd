//! From the death of a program to the first act of its successor.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::process::{median, worst};
use super::table::Row;
use super::{Bench, Side};

const PROGRAMS: usize = 20;
/// A program that lived less than a second waits before it starts again, in both: let each live longer.
const AGE: Duration = Duration::from_millis(1500);

/// Median and worst, in milliseconds.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let samples = bench.pick(100, 20);
    let mut worsts = Vec::new();
    let mut medians = Vec::new();
    for (index, side) in bench.sides.iter().enumerate() {
        // The reference takes a second each: fewer say as much.
        let mut values = latencies(side, if index == 0 { samples } else { samples / 5 })?;
        worsts.push(Some(worst(&values)));
        medians.push(Some(median(&mut values)));
    }
    let name = "death of a program to its successor's first instruction";
    Ok(vec![
        Row::lower(&format!("{name}, median"), "ms", medians).aim("≤ 5 ms"),
        Row::lower(&format!("{name}, worst"), "ms", worsts).aim("≤ 25 ms"),
    ])
}

fn latencies(side: &Side, samples: usize) -> Result<Vec<f64>> {
    let folder = std::env::temp_dir().join(format!("bench-stamps-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let stamp = |number: usize| folder.join(number.to_string());
    let mut plan = Plan::default();
    for number in 0..PROGRAMS {
        plan.program(
            &format!("p{number}"),
            &command(&format!("stamp {}", stamp(number).display()))?,
            "autorestart=true",
        );
    }
    let daemon = Daemon::running(side, &plan, PROGRAMS)?;
    let mut connection = daemon.unix()?;
    let mut born = [Instant::now(); PROGRAMS];
    let mut values = Vec::new();
    for sample in 0..samples {
        let number = sample % PROGRAMS;
        std::thread::sleep(AGE.saturating_sub(born[number].elapsed()));
        let pid = pid_of(&connection.call("supervisor.getProcessInfo", &[&format!("p{number}")])?)?;
        values.push(killed(pid, &stamp(number))?);
        born[number] = Instant::now();
    }
    drop(daemon);
    std::fs::remove_dir_all(&folder)?;
    Ok(values)
}

/// The pid that an answer to getProcessInfo tells.
pub fn pid_of(answer: &str) -> Result<Pid> {
    let text =
        answer.split_once("<name>pid</name>").and_then(|(_, rest)| rest.split_once("<int>")).map(|(_, rest)| rest);
    let digits = text.and_then(|text| text.split_once('<')).and_then(|(digits, _)| digits.parse().ok());
    digits.and_then(Pid::from_raw).context("getProcessInfo told no pid")
}

/// Kills the process; milliseconds until its successor wrote its stamp.
fn killed(pid: Pid, stamp: &Path) -> Result<f64> {
    std::fs::remove_file(stamp).context("the program has not written its stamp")?;
    let death = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    kill_process(pid, Signal::KILL)?;
    let limit = Instant::now() + Duration::from_secs(30);
    while Instant::now() < limit {
        if let Some(birth) = std::fs::read_to_string(stamp).ok().and_then(|text| text.parse::<u128>().ok()) {
            let microseconds = u32::try_from(birth.saturating_sub(death) / 1000).unwrap_or(u32::MAX);
            return Ok(f64::from(microseconds) / 1e3);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    bail!("no successor in 30 s")
}
