//! The real `pidproxy` between real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by it")]

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Notes its signals in the folder, and ends on TERM as a daemon would.
const FAITHFUL: &str = "\
cd \"$1\"; trap 'echo HUP >> signals' HUP; trap 'echo USR1 >> signals' USR1; trap 'echo TERM >> signals; exit 5' TERM
echo $$ > new; mv new x.pid; while :; do sleep 0.05; done";

fn proxy(folder: &Path, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pidproxy"));
    command.arg(folder.join("x.pid")).args(words).arg(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Out of the test's own process group, as under a daemon.
    command.process_group(0).spawn().unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn signals_reach_the_process_of_the_pid_file_and_term_ends_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let signals = || std::fs::read_to_string(folder.path().join("signals")).unwrap_or_default();
    let mut child = proxy(folder.path(), &["/bin/sh", "-c", FAITHFUL, "faithful"]);
    until("it is up", || folder.path().join("x.pid").exists());
    for name in ["HUP", "USR1"] {
        kill(&child, name);
        until(name, || signals().contains(name));
    }
    assert!(child.try_wait().unwrap().is_none());
    kill(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    until("TERM", || signals().contains("TERM"));
}

#[test]
fn the_proxy_ends_soon_after_its_command_and_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    for words in [&["/bin/sh", "-c", "exit 7"][..], &["sh", "-c", "exit 7"], &["/nonexistent/command"]] {
        assert_eq!(proxy(folder.path(), words).wait().unwrap().code(), Some(0), "{words:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn without_a_pid_file_a_signal_is_told_and_the_proxy_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = proxy(folder.path(), &["/bin/sh", "-c", "echo > \"$1\"/up; sleep 60", "x"]);
    until("it is up", || folder.path().join("up").exists());
    kill(&child, "TERM");
    kill(&child, "HUP");
    std::fs::write(folder.path().join("x.pid"), child.id().to_string()).unwrap();
    // Its own number: QUIT comes back to it, and ends it.
    until("it has ended", || {
        kill_quietly(&child);
        child.try_wait().unwrap().is_some()
    });
    // Its command is still there and holds the pipes.
    assert!(Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("Can't read child pidfile {}!\n", folder.path().join("x.pid").display())), "{said}");
}

fn kill_quietly(child: &Child) {
    let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).stderr(Stdio::null()).status();
}
