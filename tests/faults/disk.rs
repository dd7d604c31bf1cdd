//! A disk that is full of logs, with the state file on it, and then has room again; a log folder that is replaced.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{self, Daemon, wait};
use crate::{allowed, no_zombie, status_is_true};

/// A daemon with a megabyte of disk for a log and for the state file, of which `ballast` takes more than half. Its mounts are its own.
fn on_a_small_disk() -> Daemon {
    let folder = harness::folder();
    fs::create_dir(folder.path().join("disk")).unwrap();
    harness::write_config(
        folder.path(),
        "[supervisord]\nstatefile=<DIR>/disk/state\n[program:count]\nstartsecs=0\nstdout_logfile=<DIR>/disk/count.log\n\
         command=/bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i 0123456789012345678901234567890123456789; [ $((i %% 50)) = 0 ] && \
         sleep 0.01; done'\nstdout_logfile_maxbytes=0\n[program:x]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    let inner = harness::supervisord(folder.path());
    let script = "mount -t tmpfs -o size=1024k x disk && head -c 600000 /dev/zero > disk/ballast && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(folder.path());
    Daemon::start_by(command, folder)
}

#[test]
fn a_full_disk_costs_log_lines_and_is_told_once_and_with_room_all_goes_on() {
    if !allowed("a small disk", &["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k x /mnt"]) {
        return;
    }
    let daemon = on_a_small_disk();
    let disk =
        PathBuf::from(format!("/proc/{}/root", daemon.pid())).join(daemon.path("disk").strip_prefix("/").unwrap());
    let size = || fs::metadata(disk.join("count.log")).map_or(0, |found| found.len());
    let pid = daemon.pid_of("count");
    daemon.wait_log("count.log");
    let told = daemon.log_lines("count.log").len();
    // Changes of states need the state file, which has no room either.
    wait("the state file is told of", || {
        daemon.ctl("restart x");
        !daemon.log_lines("cannot write the state file").is_empty()
    });
    let states = daemon.log_lines("state file").len();
    for _ in 0..3 {
        assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
    }
    let full = size();
    status_is_true(&daemon);
    assert_eq!(daemon.log_lines("count.log").len(), told, "one message");
    assert_eq!(daemon.log_lines("state file").len(), states, "one message");
    fs::remove_file(disk.join("ballast")).unwrap();
    wait("the log goes on", || size() > full);
    wait("it is said that it goes on", || !daemon.log_lines("count.log is written again").is_empty());
    wait("the state file is written again", || {
        daemon.ctl("restart x");
        !daemon.log_lines("is written again").iter().all(|line| line.contains("count.log"))
    });
    assert_eq!(daemon.pid_of("count"), pid, "the program did not notice");
    let log = fs::read_to_string(disk.join("count.log")).unwrap();
    let torn = log.lines().rev().skip(1).filter(|line| line.len() < 40).count();
    assert!(torn <= 4, "{torn} torn lines");
    assert!(fs::read_to_string(disk.join("state")).unwrap().contains("Header"));
    status_is_true(&daemon);
    no_zombie(daemon.pid());
}

#[test]
fn a_log_folder_that_is_replaced_or_removed_costs_no_line_that_is_not_in_it() {
    let folder = harness::folder();
    fs::create_dir(folder.path().join("logs")).unwrap();
    harness::write_config(
        folder.path(),
        "[program:count]\nstartsecs=0\nstdout_logfile=<DIR>/logs/count.log\nstdout_logfile_maxbytes=0\n\
         command=/bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'\n",
    );
    let daemon = Daemon::start_in(folder);
    let numbers = |path: &str| daemon.read(path).lines().filter_map(|line| line.parse().ok()).collect::<Vec<u64>>();
    let logs = |count: usize| wait("it logs", || numbers("logs/count.log").len() > count);
    logs(10);
    let (before, pid) = (harness::descriptors(daemon.pid()), daemon.pid_of("count"));
    // Renamed, as tools that rotate do it: what is open is written on until the logs are opened again.
    let mut all = Vec::new();
    for round in 0..3 {
        let old = format!("old{round}");
        fs::rename(daemon.path("logs"), daemon.path(&old)).unwrap();
        let then = numbers(&format!("{old}/count.log")).len();
        wait("it logs on", || numbers(&format!("{old}/count.log")).len() > then + 5);
        fs::create_dir(daemon.path("logs")).unwrap();
        daemon.signal("USR2");
        logs(10);
        all.extend(numbers(&format!("{old}/count.log")));
    }
    let last = *all.last().unwrap();
    all.extend(numbers("logs/count.log"));
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>(), "each line once, in order");
    assert!(last > 10);
    // Removed: lines that were in it are gone with it; those that follow wait for a folder.
    fs::remove_dir_all(daemon.path("logs")).unwrap();
    daemon.wait_log("count.log");
    fs::create_dir(daemon.path("logs")).unwrap();
    logs(10);
    let after = numbers("logs/count.log");
    assert!(after.windows(2).all(|pair| pair[1] == pair[0] + 1), "{after:?}");
    assert_eq!(daemon.pid_of("count"), pid);
    wait("no descriptor leaks", || harness::descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
}
