//! A program that writes as fast as it can into its log file, without and with rotation, beside `cat` into a file.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::child::command;
use super::daemon::{Daemon, Plan};
use super::process::cpu_seconds;
use super::table::Row;
use super::{Bench, Side};

const MEBI: usize = 1024 * 1024;

/// MB a second and CPU-seconds of the daemon a GB, for both kinds of log.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let bytes = bench.pick(2048, 256) * MEBI;
    let (cat, cat_cost) = copied(Command::new("cat"), bytes)?;
    let (bare, bare_cost) = copied(tool("copy")?, bytes)?;
    let (_, read_cost) = copied(tool("drop")?, bytes)?;
    let mut rows = vec![
        Row::yardstick("a bare loop of read and write of 256 KiB into a file", "MB/s", bare),
        Row::yardstick("a bare loop of read and write of 256 KiB, CPU a GB", "s", bare_cost),
        Row::yardstick("the same without the writes, CPU a GB", "s", read_cost),
    ];
    for (name, options) in
        [("no rotation", "stdout_logfile_maxbytes=0"), ("rotation at 50 MB", "stdout_logfile_maxbytes=50MB")]
    {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for side in &bench.sides {
            let (rate, cost) = logged(side, bytes, options)?;
            rates.push(Some(rate));
            costs.push(Some(cost));
        }
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
