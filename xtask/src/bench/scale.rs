//! Whether the cost of a program stays the same when there are 5,000: start, status, update of one, stop all.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::daemon::{Daemon, Plan};
use super::start::bare_loop;
use super::table::Row;
use super::{Bench, Side};

const FEW: usize = 300;
const MANY: usize = 5000;

/// Milliseconds a program for each act at 300 and at 5,000 (2,000 in a quick run), and their ratio.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let many = bench.pick(MANY, 2000);
    let mut rows = Vec::new();
    let bare = bare_loop(many)? / many as f64 / (bare_loop(FEW)? / FEW as f64);
    let few: Vec<Option<[f64; 4]>> = bench.sides.iter().map(|side| told(side, FEW)).collect();
    // The reference takes many minutes for so many, and the aim is about this alone.
    let lots: Vec<Option<[f64; 4]>> =
        bench.sides.iter().map(|side| if side.is_reference() { None } else { told(side, many) }).collect();
    for (act, name) in ["start", "status", "update of one", "stop all"].iter().enumerate() {
        let cost = lots.iter().map(|acts| acts.map(|acts| acts[act] * 1e3)).collect();
        rows.push(Row::lower(&format!("{many} programs, {name}, a program"), "µs", cost));
        let ratio = few.iter().zip(&lots).map(|(few, lots)| Some((*lots)?[act] / (*few)?[act])).collect();
        let row = Row::lower(&format!("… against that at {FEW}"), "×", ratio).aim("≤ 1.3");
        rows.push(if act == 0 { row.beside("bare posix_spawn loop", bare) } else { row });
    }
    Ok(rows)
}

/// A side that cannot do it has no figure, and says why.
fn told(side: &Side, count: usize) -> Option<[f64; 4]> {
    acts(side, count).map_err(|why| eprintln!("{} with {count} programs: {why:#}", side.name)).ok()
}

fn acts(side: &Side, count: usize) -> Result<[f64; 4]> {
    // One log each, so that the descriptors of 5,000 programs fit the usual limit of a machine.
    let mut plan = Plan { daemon: "minfds=18000".to_owned(), ..Plan::default() };
    for number in 0..count {
        plan.program(&format!("p{number}"), "/bin/sleep 1000000", "redirect_stderr=true");
    }
    let mut daemon = Daemon::start(side, &plan)?;
    let start = daemon.until_running(count)?;
    let status = daemon.ctl(&["status"])?.min(daemon.ctl(&["status"])?);
    let path = daemon.home.join("supervisord.conf");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replacen("command=/bin/sleep 1000000", "command=/bin/sleep 2000000", 1))?;
    let update = daemon.ctl(&["update"])?;
    let began = Instant::now();
    daemon.unix()?.call("supervisor.stopAllProcesses", &[])?;
    let each = |took: Duration| took.as_secs_f64() * 1e3 / count as f64;
    Ok([each(start), each(status), each(update), each(began.elapsed())])
}
