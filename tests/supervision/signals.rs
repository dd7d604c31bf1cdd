//! Signals to the daemon and, through it, to programs.

use std::fs;

use crate::harness::{Daemon, lives, wait};

/// Says which signals it gets.
const LISTENS: &str = "/bin/sh -c \"for s in HUP USR1 WINCH; do trap \\\"echo $s\\\" $s; done; echo up; \
     while :; do read -t 1 x; done\"";

#[test]
fn a_client_sends_any_signal_to_a_program() {
    let daemon = Daemon::start(&format!("[program:x]\ncommand={LISTENS}\nstdout_logfile=<DIR>/x.log\n"));
    wait("it is up", || daemon.read("x.log") == "up\n");
    for (signal, said) in [("HUP", "up\nHUP\n"), ("sigusr1", "up\nHUP\nUSR1\n"), ("28", "up\nHUP\nUSR1\nWINCH\n")] {
        assert_eq!(daemon.ctl_out(&format!("signal {signal} x")), "x: signalled\n");
        wait("it has heard", || daemon.read("x.log") == said);
    }
    assert_eq!(daemon.ctl_out("signal NONSENSE x"), "x: ERROR (bad signal name)\n");
}

#[test]
fn usr2_opens_all_logs_again() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"while read line; do echo $line; done\"\nstdout_logfile=<DIR>/x.log\n",
    );
    daemon.wait_state("x", "RUNNING");
    for name in ["supervisord.log", "x.log"] {
        fs::rename(daemon.path(name), daemon.path(&format!("{name}.old"))).unwrap();
    }
    daemon.signal("USR2");
    wait("both are back", || daemon.path("supervisord.log").exists() && daemon.path("x.log").exists());
    assert!(daemon.read("supervisord.log.old").ends_with("supervisord logreopen\n"));
    daemon.rpc_with(
        "supervisor.sendProcessStdin",
        "<param><value>x</value></param><param><value>again\n</value></param>",
    );
    wait("it writes to the new one", || daemon.read("x.log") == "again\n");
    assert_eq!(daemon.read("x.log.old"), "");
}

#[test]
fn each_of_three_signals_ends_the_daemon() {
    for signal in ["TERM", "INT", "QUIT"] {
        let mut daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
        daemon.wait_state("cat", "RUNNING");
        let pid = daemon.pid_of("cat");
        daemon.signal(signal);
        assert_eq!(daemon.wait_end(), 0);
        assert!(!lives(pid));
        assert_eq!(daemon.log_lines("received"), [format!("WARN received SIG{signal} indicating exit request")]);
    }
}

#[test]
fn a_daemon_started_with_signals_ignored_still_hears_them() {
    let folder = crate::harness::folder();
    crate::harness::write_config(folder.path(), "[program:x]\ncommand=/bin/true\nstartsecs=0\nautorestart=false\n");
    let inner = crate::harness::supervisord(folder.path());
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP TERM CHLD; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
    let out = fs::File::create(folder.path().join("daemon.out")).unwrap();
    command.current_dir(folder.path()).stdout(out.try_clone().unwrap()).stderr(out);
    let mut daemon = Daemon::start_by(command, folder);
    daemon.wait_state("x", "EXITED");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end(), 0);
}
