//! As in a container: an arbitrary user id without a passwd entry or a HOME, a read-only root, PID 1, and a stdout that may be
//! anything.
//!
//! Deliberately absent: orphans of strangers under PID 1, and statuses of essential programs outside of a namespace (those
//! are among the supervision tests).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop where its world is not as it should be")]

#[allow(dead_code, reason = "it is the harness of the supervision tests")]
#[path = "supervision/harness.rs"]
mod harness;

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::{Daemon, folder, kill, supervisord, wait, write_config};

/// Runs the daemon below other commands.
fn below(words: &[&str], folder: &Path) -> Command {
    let inner = supervisord(folder);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(inner.get_program()).args(inner.get_args()).current_dir(folder).stdin(Stdio::null());
    command
}

/// True if these words can be put before a command here; else it says that the test is skipped.
fn allowed(words: &[&str]) -> bool {
    let output =
        Command::new(words[0]).args(&words[1..]).args([env!("CARGO_BIN_EXE_supervisord"), "--version"]).output();
    let done = output.is_ok_and(|output| output.status.success());
    if !done {
        eprintln!("skipped: {} cannot be had here", words.join(" "));
    }
    done
}

const ANYBODY: [&str; 6] = ["setpriv", "--reuid=54321", "--regid=0", "--clear-groups", "env", "-uHOME"];
const PID_1: [&str; 4] = ["unshare", "--pid", "--fork", "--mount-proc"];

#[test]
fn a_user_id_that_nobody_knows_and_no_home_are_enough() {
    if !allowed(&ANYBODY) {
        return;
    }
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    write_config(
        folder.path(),
        "[program:x]\ncommand=/bin/sh -c 'id -u; echo home $HOME; exec cat'\nstdout_logfile=<DIR>/x.log\n\
         [program:auto]\ncommand=/bin/cat\n",
    );
    fs::set_permissions(folder.path().join("supervisord.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    let daemon = Daemon::start_by(below(&ANYBODY, folder.path()), folder);
    daemon.wait_state("x", "RUNNING");
    daemon.wait_state("auto", "RUNNING");
    wait("the program tells", || daemon.read("x.log") == "54321\nhome\n");
    // The files are the user's own, and so is the state that a successor reads.
    assert_eq!(daemon.read("supervisord.pid"), format!("{}\n", daemon.pid()));
    wait("the state is kept", || daemon.read("supervisord.pid.state").contains("Header"));
    assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
    assert_eq!(daemon.log_lines("CRIT Supervisor is running as root").len(), 0);
}

/// A daemon without a server, with its log and its program's on its own stdout.
const LOUD: &str = "[supervisord]\nnodaemon=true\nlogfile=/dev/stdout\nlogfile_maxbytes=0\npidfile=<DIR>/pid\n\
    [program:x]\ncommand=/bin/sh -c 'echo the program speaks; exec sleep 1000'\nstartsecs=0\nredirect_stderr=true\n\
    stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n";

fn loud(folder: &Path, config: &str) {
    fs::write(folder.join("supervisord.conf"), config.replace("<DIR>", folder.to_str().unwrap())).unwrap();
}

/// What comes out until it holds all of these.
fn hear(mut from: impl Read, words: &[&str]) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let end = Instant::now() + Duration::from_secs(30);
    while !words.iter().all(|word| text.contains(word)) {
        let length = from.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        assert!(length > 0 && Instant::now() < end, "{words:?} in {text}");
    }
    text
}

fn end(mut daemon: Child, status: i32) {
    kill(daemon.id(), "TERM");
    let mut ended = None;
    wait("the daemon ends", || {
        ended = daemon.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(status));
}

#[test]
fn where_nothing_can_be_written_programs_run_and_what_is_missing_is_said() {
    let read_only = ["unshare", "--mount", "sh", "-c", "mount -o remount,ro,bind / && exec \"$@\"", "sh"];
    if !allowed(&read_only) {
        return;
    }
    // Not below /tmp, which may be a file system of its own.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    loud(place.path(), LOUD);
    let script = format!("mount --bind {0} {0} && mount -o remount,ro,bind {0} && exec \"$@\"", place.path().display());
    let read_only = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    let mut daemon = below(&read_only, place.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pidfile = format!("CRIT could not write pidfile {}/pid", place.path().display());
    let words = [&pidfile, "cannot write the state file", "success: x entered RUNNING", "the program speaks"];
    let text = hear(daemon.stdout.take().unwrap(), &words);
    end(daemon, 0);
    // Once in the log, and once since what runs in the foreground prints it; both are stdout here.
    assert_eq!(text.matches("cannot write the state file").count(), 2, "{text}");
    assert!(!place.path().join("pid").exists());
}

#[test]
fn standard_output_may_be_a_pipe_a_socket_a_terminal_or_closed() {
    let folder = folder();
    loud(folder.path(), LOUD);
    let words = ["supervisord started with pid", "the program speaks"];
    let run = |out: Stdio| supervisord(folder.path()).stdout(out).stderr(Stdio::null()).spawn().unwrap();
    // A pipe, whose reader then goes: the daemon and its program stay.
    let mut daemon = run(Stdio::piped());
    let mut pipe = daemon.stdout.take().unwrap();
    let text = hear(&mut pipe, &words);
    drop(pipe);
    let program: u32 = text.split("spawned: 'x' with pid ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    for _ in 0..3 {
        kill(daemon.id(), "USR2");
        wait("it takes the signal", || harness::stat(daemon.id()).is_some());
    }
    assert!(harness::lives(program) && harness::lives(daemon.id()));
    end(daemon, 0);
    // A socket cannot be opened by its name.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let daemon = run(Stdio::from(OwnedFd::from(theirs)));
    hear(&ours, &words);
    end(daemon, 0);
    // A terminal.
    let inner = supervisord(folder.path());
    let line: Vec<_> =
        std::iter::once(inner.get_program()).chain(inner.get_args()).map(|word| word.to_str().unwrap()).collect();
    let mut script = Command::new("script");
    script
        .args(["-q", "-c", &format!("exec {}", line.join(" ")), "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Ok(mut terminal) = script.spawn() {
        let text = hear(terminal.stdout.take().unwrap(), &words);
        let pid = text.split("supervisord started with pid ").nth(1).unwrap().lines().next().unwrap().trim();
        kill(pid.parse().unwrap(), "TERM");
        wait("the terminal's end", || terminal.try_wait().unwrap().is_some());
    }
    // Nothing at all.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" >&-", "sh"]).arg(inner.get_program()).args(inner.get_args());
    let daemon = command.current_dir(folder.path()).stdin(Stdio::null()).spawn().unwrap();
    wait("the program runs", || harness::children(daemon.id()).len() == 1);
    end(daemon, 0);
}

#[test]
fn somebody_elses_pipe_is_written_by_an_arbitrary_user() {
    if !allowed(&ANYBODY) {
        return;
    }
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    loud(folder.path(), LOUD);
    // The pipe is root's: opening it by name would be refused.
    let mut daemon = below(&ANYBODY, folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    hear(daemon.stdout.take().unwrap(), &["supervisord started with pid", "the program speaks"]);
    end(daemon, 0);
}

/// A daemon as PID 1 of a namespace: gives unshare(1), and the daemon's number outside.
fn first(folder: &Path) -> (Child, u32) {
    let unshare = below(&PID_1, folder).stdout(Stdio::null()).spawn().unwrap();
    let mut pid = 0;
    wait("the daemon is there", || {
        pid = harness::children(unshare.id()).first().copied().unwrap_or(0);
        pid != 0 && fs::read_to_string(folder.join("log")).unwrap_or_default().contains("entered RUNNING")
    });
    (unshare, pid)
}

const FIRST: &str = "[supervisord]\nnodaemon=true\nlogfile=<DIR>/log\npidfile=<DIR>/pid\n";

#[test]
fn as_pid_1_a_stop_is_in_order_and_bounded_even_with_a_deaf_program() {
    if !allowed(&PID_1) {
        return;
    }
    let folder = folder();
    let deaf = "[program:deaf]\ncommand=/bin/sh -c 'trap : TERM; (trap : TERM; sleep 1000) & while :; do sleep 0.1; done'\n\
        stopwaitsecs=2\nstartsecs=0\npriority=1\n[program:kind]\ncommand=/bin/sleep 1000\nstartsecs=0\npriority=2\n";
    loud(folder.path(), &format!("{FIRST}{deaf}"));
    let (mut unshare, pid) = first(folder.path());
    let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    wait("both run", || log().matches("entered RUNNING").count() == 2);
    let began = Instant::now();
    kill(pid, "TERM");
    wait("it has heard", || log().contains("received SIGTERM"));
    // The second one is told, and changes nothing: what stops goes on to stop in order.
    kill(pid, "TERM");
    wait("it has heard again", || log().matches("received SIGTERM").count() == 2);
    wait("it ends", || unshare.try_wait().unwrap().is_some());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(unshare.wait().unwrap().code(), Some(0));
    let log = log();
    let place = |words: &str| log.find(words).unwrap_or_else(|| panic!("{words:?} in {log}"));
    assert!(place("stopped: kind (terminated by SIGTERM)") < place("killing 'deaf'"), "{log}");
    assert!(place("killing 'deaf'") < place("stopped: deaf (terminated by SIGKILL)"), "{log}");
}

#[test]
fn as_pid_1_the_container_ends_with_the_status_of_its_essential_program() {
    if !allowed(&PID_1) {
        return;
    }
    for (last, status) in [("exit 42", 42), ("kill -9 $$", 137)] {
        let folder = folder();
        let main = format!(
            "[program:main]\ncommand=/bin/sh -c 'while [ ! -e <DIR>/go ]; do sleep 0.02; done; {last}'\nessential=true\n\
             autorestart=false\nstartsecs=0\n[program:other]\ncommand=/bin/sleep 1000\nstartsecs=0\n"
        );
        loud(folder.path(), &format!("{FIRST}{main}"));
        let (mut unshare, _) = first(folder.path());
        fs::write(folder.path().join("go"), "").unwrap();
        wait("it ends", || unshare.try_wait().unwrap().is_some());
        assert_eq!(unshare.wait().unwrap().code(), Some(status), "{last}");
    }
}

#[test]
fn as_pid_1_signals_that_are_not_the_daemons_reach_no_program() {
    if !allowed(&PID_1) {
        return;
    }
    let folder = folder();
    let told = "[program:x]\ncommand=/bin/sh -c 'for s in USR1 USR2 HUP WINCH CONT; do trap \"echo $s >> <DIR>/got\" $s; done; \
        echo up > <DIR>/up; while :; do sleep 0.05; done'\nstartsecs=0\n";
    loud(folder.path(), &format!("{FIRST}{told}"));
    let (mut unshare, pid) = first(folder.path());
    wait("it listens", || folder.path().join("up").exists());
    for signal in ["USR2", "WINCH", "CONT", "CHLD"] {
        kill(pid, signal);
    }
    wait("the daemon has heard", || {
        fs::read_to_string(folder.path().join("log")).unwrap().contains("received SIGUSR2")
    });
    kill(pid, "TERM");
    wait("it ends", || unshare.try_wait().unwrap().is_some());
    assert!(!folder.path().join("got").exists());
}
