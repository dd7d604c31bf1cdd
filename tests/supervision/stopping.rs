//! Stopping programs: politely, then not; alone or with all that they started.

use crate::harness::{Daemon, lives, wait};

/// Ignores SIGTERM and starts a child that does so too.
const STUBBORN: &str = "/bin/sh -c \"trap '' TERM; sleep 1000 & echo child $!; wait; wait\"";

#[test]
fn a_program_gets_its_stop_signal() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"trap 'echo asked; exit 3' USR1; echo up; while :; do read -t 1 x; done\"\n\
         stopsignal=USR1\nstdout_logfile=<DIR>/x.log\n",
    );
    wait("it is up", || daemon.read("x.log") == "up\n");
    daemon.wait_state("x", "RUNNING");
    assert_eq!(daemon.ctl_out("stop x"), "x: stopped\n");
    assert_eq!(daemon.read("x.log"), "up\nasked\n");
    assert_eq!(daemon.log_lines("stopped"), ["WARN stopped: x (exit status 3)"]);
}

#[test]
fn one_that_does_not_end_is_killed_with_its_group_if_so_asked() {
    let daemon = Daemon::start(&format!(
        "[program:x]\ncommand={STUBBORN}\nstopwaitsecs=1\nkillasgroup=true\nstdout_logfile=<DIR>/x.log\n"
    ));
    wait("it has a child", || daemon.read("x.log").starts_with("child "));
    daemon.wait_state("x", "RUNNING");
    let grandchild: u32 = daemon.read("x.log").split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(lives(grandchild));
    let pid = daemon.pid_of("x");
    assert_eq!(daemon.ctl_out("stop x"), "x: stopped\n");
    assert_eq!(daemon.log_lines("killing"), [format!("WARN killing 'x' ({pid}) with SIGKILL")]);
    wait("its child is gone", || !lives(grandchild));
}

#[test]
fn a_start_and_a_stop_that_come_together_end_stopped() {
    let daemon = Daemon::start("[program:x]\ncommand=/bin/cat\nautostart=false\n");
    for _ in 0..20 {
        daemon.rpc_with(
            "supervisor.startProcess",
            "<param><value>x</value></param><param><value><boolean>0</boolean></value></param>",
        );
        assert_eq!(daemon.ctl_out("stop x"), "x: stopped\n");
        assert_eq!(daemon.state("x"), "STOPPED");
    }
    assert_eq!(daemon.log_lines("spawned").len(), 20);
}

#[test]
fn the_daemon_ends_with_status_0_and_leaves_nothing() {
    let mut daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(process_num)d\n");
    daemon.wait_state("cat:2", "RUNNING");
    let pids: Vec<u32> = (0..3).map(|number| daemon.pid_of(&format!("cat:{number}"))).collect();
    assert_eq!(daemon.ctl_out("shutdown"), "Shut down\n");
    assert_eq!(daemon.wait_end(), 0);
    assert!(pids.into_iter().all(|pid| !lives(pid)));
    assert!(!daemon.path("s.sock").exists() && !daemon.path("supervisord.pid").exists());
    assert_eq!(daemon.log_lines("stopped: ").len(), 3);
}

#[test]
fn a_second_request_to_end_does_not_disturb_the_first() {
    let mut daemon = Daemon::start(&format!("[program:x]\ncommand={STUBBORN}\nstopwaitsecs=2\nkillasgroup=true\n"));
    daemon.wait_state("x", "RUNNING");
    daemon.signal("TERM");
    daemon.wait_log("waiting for x to die");
    daemon.signal("INT");
    daemon.signal("HUP");
    assert_eq!(daemon.wait_end(), 0);
    assert_eq!(
        daemon.log_lines("received"),
        ["WARN received SIGTERM indicating exit request", "WARN received SIGINT indicating exit request"]
    );
    assert_eq!(daemon.log_lines("ignored SIGHUP").len(), 1);
}
