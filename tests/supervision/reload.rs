//! The daemon begins anew in the same process.

use std::fs;
use std::os::unix::net::UnixStream;

use crate::harness::{Daemon, lives, wait};

#[test]
fn a_reload_begins_anew_with_the_file_as_it_is_now() {
    let daemon = Daemon::start("[program:old]\ncommand=/bin/cat\n");
    daemon.wait_state("old", "RUNNING");
    let (pid, old) = (daemon.pid(), daemon.pid_of("old"));
    daemon.reconfigure(
        "[supervisord]\nlogfile=<DIR>/other.log\nidentifier=other\n[unix_http_server]\nfile=<DIR>/t.sock\n\
         [program:new]\ncommand=/bin/cat\n[supervisorctl]\nserverurl=unix://<DIR>/t.sock\n",
    );
    daemon.signal("HUP");
    wait("the new socket", || UnixStream::connect(daemon.path("t.sock")).is_ok());
    daemon.wait_state("new", "RUNNING");
    assert!(!lives(old) && !daemon.path("s.sock").exists());
    assert_eq!(daemon.ctl_out("pid").trim(), pid.to_string());
    assert!(daemon.read("other.log").contains(&format!("supervisord started with pid {pid}")));
    assert_eq!(daemon.read("supervisord.pid"), format!("{pid}\n"));
    let as_root = |log: &str| daemon.read(log).matches("Supervisor is running as root.").count();
    assert_eq!(as_root("other.log"), as_root("supervisord.log"), "what is to be said of the user is said again");
    assert!(daemon.read("supervisord.log").ends_with("stopped: old (terminated by SIGTERM)\n"));
}

#[test]
fn a_reload_with_a_broken_file_goes_on_with_the_old_configuration() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    daemon.reconfigure("[program:cat]\ncommand=/bin/cat\nnumprocs=many\n");
    assert_eq!(daemon.ctl_out("reload"), "Restarted supervisord\n");
    wait("it has begun anew", || daemon.log_lines("supervisord started").len() == 2);
    // Clients read the file too: for them it has to be sound.
    daemon.reconfigure("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    let said = daemon.log_lines("going on with the old");
    assert!(said.len() == 1 && said[0].starts_with("CRIT ") && said[0].contains("many"), "{said:?}");
}

#[test]
fn a_reload_whose_port_is_taken_goes_on_with_the_old_configuration() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    let port = taken.local_addr().unwrap().port();
    daemon.reconfigure(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n[program:dog]\ncommand=/bin/cat\n"));
    daemon.signal("HUP");
    wait("it has begun anew", || daemon.log_lines("supervisord started").len() == 2);
    daemon.wait_state("cat", "RUNNING");
    let said = daemon.log_lines("going on with the old");
    assert!(said.len() == 1 && said[0].contains("already listening"), "{said:?}");
}

#[test]
fn ten_reloads_leave_no_descriptor_and_no_thread() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(process_num)d\n");
    let count = || {
        let pid = daemon.pid();
        let in_proc = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        (in_proc("fd"), in_proc("task"))
    };
    let mut first = (0, 0);
    for run in 2..=11 {
        daemon.signal("HUP");
        wait("the next run", || daemon.log_lines("supervisord started").len() == run);
        wait("its programs", || daemon.log_lines("spawned").len() == 3 * run);
        if run == 2 {
            wait("it is quiet", || {
                first = count();
                std::thread::sleep(std::time::Duration::from_millis(100));
                first == count()
            });
        }
    }
    // Threads that wait for disks end by themselves after a while.
    wait("it is as it was", || {
        let now = count();
        now.0 <= first.0 && now.1 <= first.1
    });
}
