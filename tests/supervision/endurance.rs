//! A thousand starts and stops leave nothing behind, and a daemon with nothing to do does nothing.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::harness::{self, Daemon, children, descriptors, kill, stat, wait};

/// Processor time of a process in clock ticks (a hundredth of a second).
fn ticks(pid: u32) -> u64 {
    let fields = stat(pid).unwrap();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How often the threads of a process have gone to sleep by themselves.
fn sleeps(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let counts = tasks.filter_map(|task| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:\t"))?.parse::<u64>().ok()
    });
    counts.sum()
}

#[test]
fn a_thousand_starts_and_stops_leave_no_zombie_and_no_descriptor() {
    let daemon = Daemon::start(
        "[supervisord]\nlogfile_maxbytes=0\n[program:x]\ncommand=/bin/sleep 1000\nnumprocs=50\n\
         process_name=%(process_num)02d\nautostart=false\nstartsecs=0\n",
    );
    let round = || {
        assert!(daemon.rpc("supervisor.startAllProcesses").contains("200 OK"));
        assert_eq!(children(daemon.pid()).len(), 50);
        assert!(daemon.rpc("supervisor.stopAllProcesses").contains("200 OK"));
    };
    round();
    let before = descriptors(daemon.pid());
    for _ in 0..20 {
        round();
    }
    assert_eq!(children(daemon.pid()), [] as [u32; 0]);
    wait("no descriptor is left", || descriptors(daemon.pid()) <= before);
    assert_eq!(daemon.log_lines("spawned").len(), 1050);
    assert!(ticks(daemon.pid()) < 3000, "{} hundredths of a second for a thousand starts", ticks(daemon.pid()));
}

#[test]
fn a_program_that_dies_at_once_keeps_nobody_busy() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/true\nnumprocs=20\nprocess_name=%(process_num)d\nstartsecs=0\nautorestart=true\n",
    );
    wait("three rounds", || daemon.log_lines("exited").len() >= 60);
    assert!(daemon.log_lines("spawned").len() <= 100, "no sooner than a second after the last start");
    assert!(children(daemon.pid()).len() <= 20);
}

#[test]
fn an_idle_daemon_sleeps() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\nnumprocs=10\nprocess_name=%(process_num)d\n");
    for number in 0..10 {
        daemon.wait_state(&format!("cat:{number}"), "RUNNING");
    }
    let quiet = |window: u64| {
        let before = (sleeps(daemon.pid()), ticks(daemon.pid()));
        std::thread::sleep(Duration::from_millis(window));
        (sleeps(daemon.pid()), ticks(daemon.pid())) == before
    };
    // Connections of clients are let go, and threads that served them end.
    wait("it is quiet", || quiet(200));
    assert!(quiet(2000), "it wakes although nothing happens");
}

#[test]
fn many_that_die_at_once_are_all_reaped_and_back() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\nnumprocs=30\nprocess_name=%(process_num)d\n");
    wait("all are there", || children(daemon.pid()).len() == 30);
    for pid in children(daemon.pid()) {
        kill(pid, "KILL");
    }
    wait("all are back", || daemon.log_lines("spawned").len() == 60);
    assert!(children(daemon.pid()).into_iter().all(|pid| stat(pid).is_some_and(|fields| fields[0] != "Z")));
}

#[test]
fn as_pid_1_it_reaps_orphans_and_ends_with_status_0() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child=TERM"]);
        command
    };
    if !unshare().arg("true").status().is_ok_and(|status| status.success()) {
        return; // Not allowed to have a namespace of its own.
    }
    let folder = harness::folder();
    harness::write_config(
        folder.path(),
        "[program:x]\ncommand=/bin/sh -c \"(sleep 0.2 & sleep 0.3 & sleep 0.4 &); exec cat\"\n",
    );
    let inner = harness::supervisord(folder.path());
    let mut command = unshare();
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(folder.path());
    let out = fs::File::create(folder.path().join("daemon.out")).unwrap();
    command.stdout(out.try_clone().unwrap()).stderr(out);
    let mut daemon = Daemon::start_by(command, folder);
    assert_eq!(daemon.ctl_out("pid"), "1\n");
    wait("three strangers are reaped", || daemon.log_lines("reaped unknown pid").len() == 3);
    assert_eq!(daemon.ctl_out("shutdown"), "Shut down\n");
    assert_eq!(daemon.wait_end(), 0);
}
