//! Starting programs: what they get, when they count as running, and what is said if they cannot be started.

use std::fs;

use crate::harness::{Daemon, kill, wait};

#[test]
fn a_program_is_started_and_runs_after_its_startsecs() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    assert_eq!(
        daemon.log_lines("entered RUNNING"),
        ["INFO success: cat entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"]
    );
    let pid = daemon.pid_of("cat");
    assert_eq!(daemon.log_lines("spawned"), [format!("INFO spawned: 'cat' with pid {pid}")]);
}

#[test]
fn a_child_has_three_pipes_and_no_other_descriptor() {
    let daemon = Daemon::start(
        "[program:one]\ncommand=/bin/sh -c \"ls -l /proc/self/fd; exec cat\"\nstdout_logfile=<DIR>/one.log\n\
         [program:two]\ncommand=/bin/cat\n",
    );
    daemon.wait_state("one", "RUNNING");
    let fds: Vec<String> = daemon.read("one.log").lines().filter(|line| line.contains("->")).map(Into::into).collect();
    // The last is the folder that ls itself reads.
    assert_eq!(fds.len(), 4, "{fds:?}");
    assert!(fds[..3].iter().all(|line| line.contains("pipe:")), "{fds:?}");
}

#[test]
fn the_environment_is_the_daemons_then_supervisors_then_the_configured() {
    let daemon = Daemon::start(
        "[supervisord]\nenvironment=A=\"daemon\",B=\"daemon\"\n\
         [program:env]\ncommand=/usr/bin/env\nenvironment=B=\"program\",SUPERVISOR_ENABLED=\"2\"\nstartsecs=0\n\
         autorestart=false\nstdout_logfile=<DIR>/env.log\n",
    );
    daemon.wait_state("env", "EXITED");
    let text = daemon.read("env.log");
    let url = format!("SUPERVISOR_SERVER_URL=unix://{}", daemon.path("s.sock").display());
    for line in ["A=daemon", "B=program", "SUPERVISOR_ENABLED=2", "SUPERVISOR_PROCESS_NAME=env", &url] {
        assert_eq!(text.lines().filter(|found| found == &line).count(), 1, "{line} in {text}");
    }
    assert!(text.contains("\nSUPERVISOR_GROUP_NAME=env\n") && text.contains("PATH="));
}

#[test]
fn directory_umask_and_group_are_the_programs_own() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"pwd; umask; ps -o pgid= -p $$; echo $$; exec cat\"\ndirectory=/usr\n\
         umask=027\nstdout_logfile=<DIR>/x.log\n",
    );
    daemon.wait_state("x", "RUNNING");
    let pid = daemon.pid_of("x").to_string();
    let text = daemon.read("x.log");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines, ["/usr", "0027", &pid, &pid]);
}

#[test]
fn a_command_that_is_not_there_is_tried_again_and_then_given_up() {
    let daemon = Daemon::start("[program:x]\ncommand=/no/such/program\nstartretries=1\n");
    daemon.wait_state("x", "FATAL");
    let spawnerr = "INFO spawnerr: can't find command '/no/such/program'";
    assert_eq!(daemon.log_lines("spawnerr"), [spawnerr, spawnerr]);
    assert_eq!(daemon.ctl("start x").out, "x: ERROR (no such file)\n");
}

#[test]
fn what_goes_wrong_in_the_child_is_in_its_log() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/cat\ndirectory=/no/such/folder\nstartretries=0\nstderr_logfile=<DIR>/x.err\n",
    );
    daemon.wait_state("x", "FATAL");
    assert_eq!(
        daemon.read("x.err"),
        "supervisor: couldn't chdir to /no/such/folder: ENOENT\nsupervisor: child process was not spawned\n"
    );
    assert_eq!(daemon.log_lines("exited"), ["WARN exited: x (exit status 127; not expected)"]);
}

#[test]
fn a_log_that_cannot_be_opened_is_a_spawn_error() {
    let daemon = Daemon::start("[program:x]\ncommand=/bin/cat\nstdout_logfile=/tmp/\nstartretries=0\n");
    daemon.wait_state("x", "FATAL");
    assert_eq!(daemon.log_lines("spawnerr"), ["INFO spawnerr: unknown error making dispatchers for 'x': EISDIR"]);
}

#[test]
fn a_program_that_is_killed_is_back_at_once() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    let first = daemon.pid_of("cat");
    kill(first, "KILL");
    wait("another cat", || daemon.log_lines("spawned").len() == 2);
    assert_eq!(daemon.log_lines("exited"), ["WARN exited: cat (terminated by SIGKILL; not expected)"]);
    assert_ne!(daemon.pid_of("cat"), first);
}

#[test]
fn a_program_may_be_another_user_with_all_its_groups() {
    if fs::metadata("/root").is_ok_and(|_| fs::read_dir("/root").is_err()) {
        return; // Only root can become somebody else.
    }
    let daemon = Daemon::start(
        "[program:x]\ncommand=/usr/bin/id\nuser=nobody\nstartsecs=0\nautorestart=false\nstdout_logfile=<DIR>/x.log\n\
         [program:n]\ncommand=/usr/bin/id -u\nuser=4242\nstartsecs=0\nautorestart=false\nstdout_logfile=<DIR>/n.log\n",
    );
    daemon.wait_state("x", "EXITED");
    daemon.wait_state("n", "EXITED");
    let expected = std::process::Command::new("id").arg("nobody").output().unwrap().stdout;
    assert_eq!(daemon.read("x.log"), String::from_utf8(expected).unwrap());
    assert_eq!(daemon.read("n.log"), "4242\n");
}
