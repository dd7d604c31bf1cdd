//! A program that writes as fast as it can into its log file, without and with rotation, beside `cat` into a file.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::process::{cpu_seconds, median};
use super::restart::pid_of;
use super::table::Row;
use super::{Bench, Side};

const MEBI: usize = 1024 * 1024;
const KINDS: [(&str, &str); 2] =
    [("no rotation", "stdout_logfile_maxbytes=0"), ("rotation at 50 MB", "stdout_logfile_maxbytes=50MB")];

/// What several runs gave: MB a second, and CPU-seconds a GB.
#[derive(Clone, Default)]
struct Runs {
    rates: Vec<f64>,
    costs: Vec<f64>,
}

impl Runs {
    fn add(&mut self, (rate, cost): (f64, f64)) {
        self.rates.push(rate);
        self.costs.push(cost);
    }

    fn medians(&mut self) -> (f64, f64) {
        (median(&mut self.rates), median(&mut self.costs))
    }
}

/// MB a second and CPU-seconds of the daemon a GB, for both kinds of log. All take turns, since the page cache has better
/// and worse moments.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let bytes = bench.pick(1024, 256) * MEBI;
    let mut beside = [(); 4].map(|()| Runs::default());
    let mut logs = [(); 2].map(|()| vec![Runs::default(); bench.sides.len()]);
    for _ in 0..bench.pick(5, 1) {
        for (runs, program) in
            beside.iter_mut().zip([Command::new("cat"), tool("copy")?, tool("drop")?, tool("splice")?])
        {
            runs.add(copied(program, bytes)?);
        }
        for (runs, (_, options)) in logs.iter_mut().zip(KINDS) {
            for (runs, side) in runs.iter_mut().zip(&bench.sides) {
                runs.add(logged(side, bytes, options)?);
            }
        }
    }
    let [(cat, cat_cost), (bare, bare_cost), (_, read_cost), (_, splice_cost)] = beside.each_mut().map(Runs::medians);
    let mut rows = vec![
        Row::yardstick("a bare loop of read and write of 256 KiB into a file", "MB/s", bare),
        Row::yardstick("a bare loop of read and write of 256 KiB, CPU a GB", "s", bare_cost),
        Row::yardstick("the same without the writes, CPU a GB", "s", read_cost),
        Row::yardstick("the same by splice(2), not to append, CPU a GB", "s", splice_cost),
    ];
    for (runs, (name, _)) in logs.iter_mut().zip(KINDS) {
        let (rates, costs) = runs.iter_mut().map(Runs::medians).map(|(rate, cost)| (Some(rate), Some(cost))).unzip();
        let row = Row::higher(&format!("log throughput to a file, {name}"), "MB/s", rates);
        rows.push(row.beside("cat into a file", cat).aim("≥ 0.95 × cat"));
        let row = Row::lower(&format!("log to a file, {name}, CPU a GB"), "s", costs);
        rows.push(row.beside("cat into a file", cat_cost).aim("≤ 0.25 s"));
    }
    Ok(rows)
}

fn tool(word: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-child", word]);
    Ok(command)
}

/// MB a second and CPU-seconds a GB from the start of the program to its exit, which comes after its last byte is logged.
fn logged(side: &Side, bytes: usize, options: &str) -> Result<(f64, f64)> {
    let mut plan = Plan::default();
    let options = format!(
        "autostart=false\nautorestart=false\nstderr_logfile=NONE\nstdout_logfile=%(here)s/flood.log\n{options}"
    );
    plan.program("flood", &command(&format!("flood {bytes}"))?, &options);
    plan.sleepers(0..1);
    let daemon = Daemon::running(side, &plan, 1)?;
    let mut connection = daemon.unix()?;
    let before = cpu_seconds(daemon.pid())?;
    let began = Instant::now();
    connection.call("supervisor.startProcess", &["flood", "false"])?;
    let pid = pid_of(&connection.call("supervisor.getProcessInfo", &["flood"])?)?;
    // Asking again and again would take processor time from both.
    if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None)?;
    }
    while !connection.call("supervisor.getProcessInfo", &["flood"])?.contains("EXITED") {
        std::thread::sleep(Duration::from_millis(2));
        ensure!(began.elapsed() < Duration::from_secs(300), "the program has not ended after 300 s");
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds(daemon.pid())? - before;
    if options.ends_with("=0") {
        let length = std::fs::metadata(daemon.home.join("flood.log"))?.len();
        ensure!(length == bytes as u64, "{length} of {bytes} bytes are in the log");
    }
    let gigabytes = bytes as f64 / 1e9;
    Ok((gigabytes * 1e3 / seconds, cpu / gigabytes))
}

/// The same writer, with this program in the place of the daemon: MB a second, and its CPU-seconds a GB.
fn copied(mut program: Command, bytes: usize) -> Result<(f64, f64)> {
    let path = std::env::temp_dir().join(format!("bench-cat-{}", std::process::id()));
    let began = Instant::now();
    let mut writer = Command::new(std::env::current_exe()?)
        .args(["bench-child", "flood", &bytes.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = writer.stdout.take().context("no pipe")?;
    let copy = program.stdin(pipe).stdout(std::fs::File::create(&path)?).spawn()?;
    // It keeps a copy of the pipe, for which the writer would wait if its reader died.
    drop(program);
    // It is looked at when it has ended and before it is waited for: then it cannot be another's.
    let pid = Pid::from_raw(i32::try_from(copy.id())?).context("it has no process id")?;
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds(copy.id())?);
    let output = copy.wait_with_output()?;
    writer.wait()?;
    std::fs::remove_file(&path)?;
    if !output.status.success() {
        bail!("what copies ended with {}", output.status);
    }
    let gigabytes = bytes as f64 / 1e9;
    Ok((gigabytes * 1e3 / seconds, cpu / gigabytes))
}
