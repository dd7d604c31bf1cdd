//! No descriptors and no processes: what that costs is said in `status`, and is over with the want.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{self, Daemon, descriptors, stat, wait};
use crate::{allowed, no_zombie, status_is_true};

/// Puts a limit on a daemon that runs.
fn limit(daemon: &Daemon, which: &str) {
    let uid = std::fs::metadata(format!("/proc/{}", daemon.pid())).unwrap().uid().to_string();
    let pid = daemon.pid().to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups", "prlimit", "--pid", &pid, which]);
    assert!(command.status().unwrap().success());
}

fn status_says(daemon: &Daemon, name: &str, words: &str) {
    wait(&format!("status of {name} says {words:?}"), || daemon.ctl_out(&format!("status {name}")).contains(words));
}

const PROGRAMS: &str = "[program:stays]\ncommand=/bin/cat\nstartsecs=0\n\
    [program:x]\ncommand=/bin/cat\nstartsecs=0\nautostart=false\nstartretries=1000\n";

#[test]
fn a_start_without_descriptors_says_so_in_status_and_comes_up_when_there_are_some() {
    if !allowed("prlimit", &["setpriv", "--clear-groups", "prlimit", "--nofile"]) {
        return;
    }
    let daemon = Daemon::start(PROGRAMS);
    daemon.wait_state("stays", "RUNNING");
    let before = descriptors(daemon.pid());
    limit(&daemon, &format!("--nofile={}:", before + 8));
    daemon.ctl("start x");
    status_says(&daemon, "x", "too many open files to spawn 'x'");
    assert!(["BACKOFF", "STARTING"].contains(&daemon.state("x").as_str()), "it is tried again");
    assert_eq!(daemon.state("stays"), "RUNNING");
    limit(&daemon, "--nofile=1024:");
    daemon.wait_state("x", "RUNNING");
    daemon.ctl("stop x");
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
    no_zombie(daemon.pid());
}

#[test]
fn without_any_descriptor_clients_wait_and_the_daemon_does_not_spin() {
    if !allowed("prlimit", &["setpriv", "--clear-groups", "prlimit", "--nofile"]) {
        return;
    }
    let daemon = Daemon::start(PROGRAMS);
    daemon.wait_state("stays", "RUNNING");
    let before = descriptors(daemon.pid());
    limit(&daemon, "--nofile=5:");
    let mut client = Command::new(env!("CARGO_BIN_EXE_supervisorctl"))
        .arg("-c")
        .arg(daemon.path("supervisord.conf"))
        .args(["status", "stays"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    daemon.wait_log("a client cannot be accepted");
    let ticks =
        || stat(daemon.pid()).map(|fields| fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap());
    let began = ticks().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert!(ticks().unwrap() - began < 50, "hundredths of a second in one");
    // What dies meanwhile is reaped, and tried again until it comes up.
    harness::kill(harness::children(daemon.pid())[0], "KILL");
    daemon.wait_log("exited: stays");
    limit(&daemon, "--nofile=1024:");
    wait("the client is served", || client.try_wait().unwrap().is_some());
    daemon.wait_state("stays", "RUNNING");
    assert_eq!(daemon.log_lines("a client cannot be accepted").len(), 1, "one message");
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
    no_zombie(daemon.pid());
}

/// Runs the rest of a command line as this user.
fn as_user(uid: &str) -> [&str; 6] {
    ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"]
}

/// A daemon of a user of its own, whose processes are counted.
fn of_another_user(uid: &str) -> Daemon {
    let folder = harness::folder();
    harness::write_config(folder.path(), PROGRAMS);
    std::os::unix::fs::chown(folder.path(), uid.parse().ok(), uid.parse().ok()).unwrap();
    std::os::unix::fs::chown(folder.path().join("supervisord.conf"), uid.parse().ok(), None).unwrap();
    let inner = harness::supervisord(folder.path());
    let [program, arguments @ ..] = as_user(uid);
    let mut command = Command::new(program);
    command.args(arguments).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    Daemon::start_by(command, folder)
}

#[test]
fn a_start_without_processes_says_so_in_status_and_comes_up_when_there_are_some() {
    let uid = (62_000 + std::process::id() % 900).to_string();
    let tried = [&as_user(&uid)[..], &[env!("CARGO_BIN_EXE_supervisord"), "--version"]].concat();
    if !allowed("another user", &tried) {
        return;
    }
    let daemon = of_another_user(&uid);
    daemon.wait_state("stays", "RUNNING");
    let before = descriptors(daemon.pid());
    limit(&daemon, "--nproc=1:");
    daemon.ctl("start x");
    status_says(&daemon, "x", "Too many processes in process table to spawn 'x'");
    assert!(["BACKOFF", "STARTING"].contains(&daemon.state("x").as_str()), "it is tried again");
    assert_eq!(daemon.ctl_out("pid"), format!("{}\n", daemon.pid()));
    harness::kill(daemon.pid_of("stays"), "KILL");
    status_says(&daemon, "stays", "Too many processes in process table to spawn 'stays'");
    limit(&daemon, "--nproc=4096:");
    daemon.wait_state("x", "RUNNING");
    daemon.wait_state("stays", "RUNNING");
    daemon.ctl("stop x");
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
    no_zombie(daemon.pid());
}
