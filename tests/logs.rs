//! The logs of the real daemon under load and in trouble: floods, rotation, followers, folders that vanish, readers that stop, programs that
//! leave others running. The rules of the plane by themselves are its own tests' business.

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

#[allow(dead_code, reason = "it is the harness of the supervision tests")]
#[path = "supervision/harness.rs"]
mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Daemon, folder, supervisord, write_config};

/// How long a test waits for what must come: floods take a while.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a flood: lines of ten bytes, each with its number.
const FLOOD: usize = 50_000_000;
/// The shell command that writes it.
const WRITE_FLOOD: &str = "seq -f %%09.0f 0 4999999";

fn start(sections: &str) -> Daemon {
    start_with_stdout(sections, Stdio::null())
}

/// A daemon that says nothing on its stdout by itself.
fn start_with_stdout(sections: &str, stdout: Stdio) -> Daemon {
    let folder = folder();
    fs::create_dir(folder.path().join("logs")).unwrap();
    write_config(folder.path(), &format!("[supervisord]\nsilent=true\n{sections}"));
    let mut command = supervisord(folder.path());
    command.stdout(stdout);
    Daemon::start_by(command, folder)
}

/// A log with its copies, the oldest first.
fn with_copies(log: &Path) -> Vec<u8> {
    let copies = (1..1000).rev().map(|number| log.with_extension(number.to_string()));
    copies.chain([log.to_owned()]).flat_map(|path| fs::read(path).unwrap_or_default()).collect()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "it does not come true that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn flood() -> Vec<u8> {
    (0..FLOOD / 10).flat_map(|number| format!("{number:09}\n").into_bytes()).collect()
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

#[test]
fn fifty_megabytes_at_once_lose_no_byte_in_rotated_logs_or_for_a_follower() {
    let daemon = start(&format!(
        "[program:flood]\ncommand=sh -c 'echo begin; while [ ! -e <DIR>/go ]; do sleep 0.05; done; {WRITE_FLOOD}; echo end'\nstartsecs=0\n\
         autorestart=false\nstdout_logfile=<DIR>/log\nstdout_logfile_maxbytes=3MB\nstdout_logfile_backups=100\n"
    ));
    until("it has begun", || size(&daemon.path("log")) > 0);
    let mut tail = daemon.ctl_command("tail -f flood").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).split(b'\n');
    until("the tail has begun", || lines.next().unwrap().unwrap() == b"begin");
    fs::write(daemon.path("go"), "\n").unwrap();
    for number in 0..FLOOD / 10 {
        let line = lines.next().unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&line), format!("{number:09}"));
    }
    assert_eq!(lines.next().unwrap().unwrap(), b"end");
    tail.kill().unwrap();
    tail.wait().unwrap();
    let whole = [b"begin\n", &flood()[..], b"end\n"].concat();
    assert!(with_copies(&daemon.path("log")) == whole, "the logs are not what was written");
    assert!(daemon.path("log.15").exists(), "it was not rotated");
}

#[test]
fn fifty_megabytes_with_captured_texts_lose_no_byte_beside_them() {
    let daemon = start(&format!(
        "[program:flood]\ncommand=sh -c 'for i in 1 2 3; do {WRITE_FLOOD};\n \
         echo \"<!--XSUPERVISOR:BEGIN-->kept apart<!--XSUPERVISOR:END-->\"; done; echo end'\n\
         startsecs=0\nautorestart=false\nstdout_capture_maxbytes=1MB\nstdout_logfile=<DIR>/log\nstdout_logfile_maxbytes=0\n"
    ));
    let log = daemon.path("log");
    let whole = [&flood()[..], b"\n", &flood()[..], b"\n", &flood()[..], b"\nend\n"].concat();
    until("all is there", || size(&log) >= whole.len() as u64);
    assert!(fs::read(&log).unwrap() == whole, "the log is not what was written beside the captured texts");
}

#[test]
fn a_log_that_logrotate_copies_and_truncates_has_no_hole() {
    let daemon = start(
        "[program:steady]\ncommand=sh -c 'while echo line; do sleep 0.01; done'\nstartsecs=0\n\
         stdout_logfile=<DIR>/log\nstdout_logfile_maxbytes=0\n",
    );
    let log = daemon.path("log");
    until("it has logged", || size(&log) > 100);
    // What logrotate does with `copytruncate`.
    fs::copy(&log, daemon.path("copy")).unwrap();
    fs::OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
    until("it logs on", || size(&log) > 100);
    let text = daemon.read("log");
    assert!(!text.contains('\0'), "{text:?}");
}

#[test]
fn a_stdout_that_nobody_reads_delays_no_other_program_and_no_answer() {
    let (reader, writer) = std::io::pipe().unwrap();
    let daemon = start_with_stdout(
        "[program:loud]\ncommand=yes\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nstartsecs=0\n\
         [program:other]\ncommand=sh -c 'echo here; exec sleep 600'\nstartsecs=0\nautostart=false\n\
         stdout_logfile=<DIR>/other.log\n",
        writer.into(),
    );
    let waits = || {
        let threads = Command::new("pgrep").args(["-P", &daemon.pid().to_string(), "yes"]).output().unwrap();
        let pid = String::from_utf8_lossy(&threads.stdout).trim().to_owned();
        fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|place| place.contains("pipe"))
            || fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|call| call.starts_with("1 "))
    };
    until("the loud program waits", waits);
    for round in 1..=3 {
        let begun = Instant::now();
        assert!(daemon.ctl_out("status").contains("RUNNING"));
        assert!(begun.elapsed() < Duration::from_secs(5), "status took {:?}", begun.elapsed());
        assert_eq!(daemon.ctl_out("start other"), "other: started\n");
        until("the other logs", || daemon.read("other.log") == "here\n".repeat(round));
        assert_eq!(daemon.ctl_out("stop other"), "other: stopped\n");
    }
    assert_eq!(daemon.ctl_out("stop loud"), "loud: stopped\n");
    drop(reader);
}

#[test]
fn two_that_a_program_leaves_running_write_on_into_its_log() {
    let daemon = start(
        "[program:parent]\ncommand=sh -c '(while [ ! -e <DIR>/go ]; do sleep 0.05; done; seq -f %%09.0f 0 99999; while [ ! -e <DIR>/end ]; do sleep 0.05; done) & echo parent'\n\
         startsecs=0\nautorestart=false\nstdout_logfile=<DIR>/log\nstdout_logfile_maxbytes=0\n",
    );
    let go = daemon.path("go");
    for round in 1..=2 {
        until("it has ended", || daemon.ctl_out("status").contains("EXITED"));
        let before = daemon.read("log").len();
        assert!(before > 0);
        if round == 1 {
            daemon.ctl_out("start parent");
        }
    }
    let told = || daemon.read("log").len();
    assert_eq!(told(), 2 * "parent\n".len());
    fs::write(&go, "").unwrap();
    until("both have written", || told() == 2 * ("parent\n".len() + 1_000_000));
    let mut text = String::new();
    fs::File::open(daemon.path("log")).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("parent\nparent\n"));
    fs::write(daemon.path("end"), "").unwrap();
}

#[test]
fn a_log_folder_that_vanishes_and_returns_is_told_twice_and_logged_on() {
    let daemon = start(
        "[program:counter]\ncommand=sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done'\nstartsecs=0\n\
         autostart=false\nstdout_logfile=<DIR>/logs/log\nstdout_logfile_maxbytes=0\n",
    );
    let logs = daemon.path("logs");
    daemon.ctl_out("start counter");
    let log = logs.join("log");
    until("it has logged", || size(&log) > 10);
    let told = |daemon: &Daemon| daemon.read("supervisord.log").matches("logs/log").count();
    fs::remove_dir_all(&logs).unwrap();
    until("the loss is told", || told(&daemon) == 1);
    fs::create_dir(&logs).unwrap();
    until("it logs on", || size(&log) > 10);
    until("the return is told", || told(&daemon) == 2);
    daemon.ctl_out("stop counter");
    // What was logged before went with the folder; from its first line on nothing is missing.
    let text = String::from_utf8(fs::read(&log).unwrap()).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{text}");
    assert_eq!(told(&daemon), 2);
}
