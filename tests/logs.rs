//! The logs of the real daemon under load and in trouble: floods, rotation, followers, folders that vanish, readers that stop, programs that
//! leave others running. The rules of the plane by themselves are its own tests' business.

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

mod leftovers;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a flood: lines of ten bytes, each with its number.
const FLOOD: usize = 50_000_000;
/// The shell command that writes it.
const WRITE_FLOOD: &str = "seq -f %%09.0f 0 4999999";

/// A running supervisord of the built binary; ended when dropped.
struct Daemon {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Daemon {
    /// Starts it with these sections, in which HERE is its folder, and waits until it answers.
    fn start(sections: &str) -> Self {
        Self::with_stdout(sections, Stdio::null())
    }

    fn with_stdout(sections: &str, stdout: Stdio) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let here = dir.path().display().to_string();
        let text = format!(
            "[supervisord]\nnodaemon=true\nsilent=true\nlogfile=HERE/main.log\npidfile=HERE/pid\nchildlogdir=HERE\n\
             [inet_http_server]\nport=127.0.0.1:{port}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             {sections}"
        );
        fs::write(dir.path().join("conf"), text.replace("HERE", &here)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisord"));
        let child = command.arg("-c").arg(dir.path().join("conf")).stdout(stdout).spawn().unwrap();
        let daemon = Self { dir, port, child };
        until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        daemon
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_default()
    }

    fn ctl(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
        command.arg("-s").arg(format!("http://127.0.0.1:{}", self.port)).args(words).stdin(Stdio::null());
        command
    }

    fn say(&self, words: &[&str]) -> String {
        String::from_utf8_lossy(&self.ctl(words).output().unwrap().stdout).into_owned()
    }

    /// A log with its copies, the oldest first.
    fn with_copies(&self, name: &str) -> Vec<u8> {
        let mut all = Vec::new();
        for number in (1..1000).rev() {
            all.extend(self.read(&format!("{name}.{number}")));
        }
        all.extend(self.read(name));
        all
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        leftovers::end(self.dir.path());
    }
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
    let daemon = Daemon::start(&format!(
        "[program:flood]\ncommand=sh -c 'echo begin; while [ ! -e HERE/go ]; do sleep 0.05; done; {WRITE_FLOOD}; echo end'\nstartsecs=0\n\
         autorestart=false\nstdout_logfile=HERE/log\nstdout_logfile_maxbytes=3MB\nstdout_logfile_backups=100\n"
    ));
    until("it has begun", || size(&daemon.path("log")) > 0);
    let mut tail = daemon.ctl(&["tail", "-f", "flood"]).stdout(Stdio::piped()).spawn().unwrap();
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
    assert!(daemon.with_copies("log") == whole, "the logs are not what was written");
    assert!(daemon.path("log.15").exists(), "it was not rotated");
}

#[test]
fn fifty_megabytes_with_captured_texts_lose_no_byte_beside_them() {
    let daemon = Daemon::start(&format!(
        "[program:flood]\ncommand=sh -c 'for i in 1 2 3; do {WRITE_FLOOD};\n \
         echo \"<!--XSUPERVISOR:BEGIN-->kept apart<!--XSUPERVISOR:END-->\"; done; echo end'\n\
         startsecs=0\nautorestart=false\nstdout_capture_maxbytes=1MB\nstdout_logfile=HERE/log\nstdout_logfile_maxbytes=0\n"
    ));
    let log = daemon.path("log");
    let whole = [&flood()[..], b"\n", &flood()[..], b"\n", &flood()[..], b"\nend\n"].concat();
    until("all is there", || size(&log) >= whole.len() as u64);
    assert!(daemon.read("log") == whole, "the log is not what was written beside the captured texts");
}

#[test]
fn a_log_that_logrotate_copies_and_truncates_has_no_hole() {
    let daemon = Daemon::start(
        "[program:steady]\ncommand=sh -c 'while echo line; do sleep 0.01; done'\nstartsecs=0\n\
         stdout_logfile=HERE/log\nstdout_logfile_maxbytes=0\n",
    );
    let log = daemon.path("log");
    until("it has logged", || size(&log) > 100);
    // What logrotate does with `copytruncate`.
    fs::copy(&log, daemon.path("copy")).unwrap();
    fs::OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
    until("it logs on", || size(&log) > 100);
    let text = daemon.read("log");
    assert!(!text.contains(&0), "{:?}", String::from_utf8_lossy(&text));
}

#[test]
fn a_stdout_that_nobody_reads_delays_no_other_program_and_no_answer() {
    let (reader, writer) = std::io::pipe().unwrap();
    let daemon = Daemon::with_stdout(
        "[program:loud]\ncommand=yes\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nstartsecs=0\n\
         [program:other]\ncommand=sh -c 'echo here; exec sleep 600'\nstartsecs=0\nautostart=false\n\
         stdout_logfile=HERE/other.log\n",
        writer.into(),
    );
    let waits = || {
        let threads = Command::new("pgrep").args(["-P", &daemon.child.id().to_string(), "yes"]).output().unwrap();
        let pid = String::from_utf8_lossy(&threads.stdout).trim().to_owned();
        fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|place| place.contains("pipe"))
            || fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|call| call.starts_with("1 "))
    };
    until("the loud program waits", waits);
    for round in 1..=3 {
        let begun = Instant::now();
        assert!(daemon.say(&["status"]).contains("RUNNING"));
        assert!(begun.elapsed() < Duration::from_secs(5), "status took {:?}", begun.elapsed());
        assert_eq!(daemon.say(&["start", "other"]), "other: started\n");
        until("the other logs", || daemon.read("other.log") == b"here\n".repeat(round));
        assert_eq!(daemon.say(&["stop", "other"]), "other: stopped\n");
    }
    assert_eq!(daemon.say(&["stop", "loud"]), "loud: stopped\n");
    drop(reader);
}

#[test]
fn two_that_a_program_leaves_running_write_on_into_its_log() {
    let daemon = Daemon::start(
        "[program:parent]\ncommand=sh -c '(while [ ! -e HERE/go ]; do sleep 0.05; done; seq -f %%09.0f 0 99999; while [ ! -e HERE/end ]; do sleep 0.05; done) & echo parent'\n\
         startsecs=0\nautorestart=false\nstdout_logfile=HERE/log\nstdout_logfile_maxbytes=0\n",
    );
    let go = daemon.path("go");
    for round in 1..=2 {
        until("it has ended", || daemon.say(&["status"]).contains("EXITED"));
        let before = daemon.read("log").len();
        assert!(before > 0);
        if round == 1 {
            daemon.say(&["start", "parent"]);
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
    let daemon = Daemon::start(
        "[program:counter]\ncommand=sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done'\nstartsecs=0\n\
         autostart=false\nstdout_logfile=HERE/logs/log\nstdout_logfile_maxbytes=0\n",
    );
    let logs = daemon.path("logs");
    daemon.say(&["start", "counter"]);
    let log = logs.join("log");
    until("it has logged", || size(&log) > 10);
    let told = |daemon: &Daemon| String::from_utf8_lossy(&daemon.read("main.log")).matches("logs/log").count();
    fs::remove_dir_all(&logs).unwrap();
    until("the loss is told", || told(&daemon) == 1);
    fs::create_dir(&logs).unwrap();
    until("it logs on", || size(&log) > 10);
    until("the return is told", || told(&daemon) == 2);
    daemon.say(&["stop", "counter"]);
    // What was logged before went with the folder; from its first line on nothing is missing.
    let text = String::from_utf8(fs::read(&log).unwrap()).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{text}");
    assert_eq!(told(&daemon), 2);
}
