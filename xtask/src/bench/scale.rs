//! Whether the cost of a program stays the same when there are 5,000: start, status, update of one, stop all.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::daemon::{Daemon, Plan, Scratch};
use super::process::median;
use super::start::bare_loop;
use super::table::Row;
use super::{Bench, Side};

const FEW: usize = 300;
const MANY: usize = 5000;

/// Milliseconds a program for each act.
type Acts = [f64; 4];

/// Microseconds a program for each act at 5,000 (2,000 in a quick run), and their ratio to those at 300: medians of rounds
/// in which both take turns.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let many = bench.pick(MANY, 2000);
    let rounds = bench.pick(3, 1);
    let mut rows = Vec::new();
    let bare = bare_loop(many)? / many as f64 / (bare_loop(FEW)? / FEW as f64);
    // As for the starts of 300: what is deleted makes the next ones slow.
    let mut folders = Vec::new();
    let (mut few, mut lots) = (Vec::new(), Vec::new());
    for side in &bench.sides {
        // The reference takes many minutes for so many, and the aim is about this alone.
        let counts = if side.is_reference() { vec![FEW] } else { vec![FEW, many] };
        let mut found = counts.iter().map(|count| (*count, Vec::new())).collect::<Vec<_>>();
        for _ in 0..rounds {
            for (count, acts) in &mut found {
                acts.extend(told(side, *count, &mut folders));
            }
        }
        let mut medians = found.into_iter().map(|(_, acts)| medians(&acts));
        few.push(medians.next().flatten());
        lots.push(medians.next().flatten());
    }
    drop(folders);
    for (act, name) in ["start", "status", "update of one", "stop all"].iter().enumerate() {
        let cost = lots.iter().map(|acts| acts.map(|acts| acts[act] * 1e3)).collect();
        rows.push(Row::lower(&format!("{many} programs, {name}, a program"), "µs", cost));
        let ratio = few.iter().zip(&lots).map(|(few, lots)| Some((*lots)?[act] / (*few)?[act])).collect();
        let row = Row::lower(&format!("… against that at {FEW}"), "×", ratio).aim("≤ 1.3");
        rows.push(if act == 0 { row.beside("bare posix_spawn loop", bare) } else { row });
    }
    Ok(rows)
}

/// Of each act by itself; none without a round.
fn medians(rounds: &[Acts]) -> Option<Acts> {
    let of_act = |act: usize| median(&mut rounds.iter().map(|acts| acts[act]).collect::<Vec<_>>());
    (!rounds.is_empty()).then(|| [0, 1, 2, 3].map(of_act))
}

/// A side that cannot do it has no figure, and says why.
fn told(side: &Side, count: usize, folders: &mut Vec<Option<Scratch>>) -> Option<Acts> {
    acts(side, count, folders).map_err(|why| eprintln!("{} with {count} programs: {why:#}", side.name)).ok()
}

fn acts(side: &Side, count: usize, folders: &mut Vec<Option<Scratch>>) -> Result<Acts> {
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
    let acts = [each(start), each(status), each(update), each(began.elapsed())];
    folders.push(daemon.end());
    Ok(acts)
}
