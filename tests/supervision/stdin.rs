//! Words to a program's stdin.

use crate::harness::{Daemon, wait};

fn send(daemon: &Daemon, text: &str) -> String {
    daemon.rpc_with(
        "supervisor.sendProcessStdin",
        &format!("<param><value>x</value></param><param><value>{text}</value></param>"),
    )
}

#[test]
fn a_program_reads_what_clients_send() {
    let daemon = Daemon::start("[program:x]\ncommand=/bin/cat\nstdout_logfile=<DIR>/x.log\n");
    daemon.wait_state("x", "RUNNING");
    for text in ["one\n", "two äö\n"] {
        assert!(send(&daemon, text).contains("<boolean>1</boolean>"));
    }
    wait("it is echoed", || daemon.read("x.log") == "one\ntwo äö\n");
}

#[test]
fn a_program_that_does_not_read_holds_nobody_up_and_gets_all_in_the_end() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"while [ ! -e <DIR>/go ]; do sleep 0.05; done; exec wc -c\"\n\
         stdout_logfile=<DIR>/x.log\nautorestart=false\n[program:y]\ncommand=/bin/cat\n",
    );
    daemon.wait_state("x", "RUNNING");
    let text = "z".repeat(1_000_000);
    for _ in 0..5 {
        assert!(send(&daemon, &text).contains("<boolean>1</boolean>"));
    }
    assert_eq!(daemon.ctl_out("stop y"), "y: stopped\n");
    std::fs::write(daemon.path("go"), "").unwrap();
    // `wc` waits for the end of its stdin, which never comes while it is supervised: what it has read is seen in /proc.
    let pid = daemon.pid_of("x");
    wait("all is read", || {
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap_or("0");
        read.parse::<u64>().unwrap() >= 5_000_000
    });
}

#[test]
fn too_much_that_waits_is_refused() {
    let daemon = Daemon::start("[program:x]\ncommand=/bin/sleep 1000\n");
    daemon.wait_state("x", "RUNNING");
    let text = "z".repeat(4 * 1024 * 1024);
    let mut refused = 0;
    for _ in 0..6 {
        refused += usize::from(send(&daemon, &text).contains("NO_FILE"));
    }
    assert!((1..=3).contains(&refused), "{refused}");
    assert!(!daemon.log_lines("stdin of pid").is_empty());
    assert_eq!(daemon.ctl_out("stop x"), "x: stopped\n");
}

#[test]
fn a_closed_stdin_is_told() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"exec 0<&-; echo closed; exec sleep 1000\"\nstdout_logfile=<DIR>/x.log\n",
    );
    wait("it has closed it", || daemon.read("x.log") == "closed\n");
    daemon.wait_state("x", "RUNNING");
    assert!(send(&daemon, "x\n").contains("NO_FILE"));
    assert_eq!(daemon.state("x"), "RUNNING");
}
