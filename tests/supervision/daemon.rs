//! The daemon as a process: starts that are refused, the background, its pidfile, a second one.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::harness::{self, Daemon, folder, kill, lives, refused, said, wait, write_config};

#[test]
fn a_second_daemon_on_the_same_socket_gives_up_and_harms_nothing() {
    let daemon = Daemon::start("[program:x]\ncommand=/bin/cat\n");
    daemon.wait_state("x", "RUNNING");
    let files = || {
        let names = fs::read_dir(daemon.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let before = files();
    let second = said(harness::supervisord(&daemon.path("")));
    assert_eq!(second.status, 2);
    assert!(second.err.contains("Error: Another program is already listening on a port"), "{second:?}");
    assert_eq!(files(), before);
    assert_eq!(daemon.read("supervisord.pid").trim(), daemon.pid().to_string());
    assert_eq!(daemon.state("x"), "RUNNING");
}

#[test]
fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder();
    write_config(folder.path(), &format!("[inet_http_server]\nport={}\n", taken.local_addr().unwrap()));
    let said = refused(folder.path());
    assert_eq!(said.status, 2);
    assert!(said.err.starts_with("Error: Another program is already listening on a port"), "{said:?}");
    assert!(said.err.contains("\nFor help, use ") && said.err.ends_with(" -h\n"));
    assert!(!folder.path().join("s.sock").exists());
}

#[test]
fn a_stale_socket_is_taken_over() {
    let folder = folder();
    write_config(folder.path(), "");
    drop(UnixListener::bind(folder.path().join("s.sock")).unwrap());
    fs::write(folder.path().join("supervisord.pid"), "1\n").unwrap();
    let daemon = Daemon::start_in(folder);
    assert_eq!(daemon.read("supervisord.pid").trim(), daemon.pid().to_string());
}

#[test]
fn what_has_the_sockets_name_and_is_no_socket_is_left_alone() {
    let folder = folder();
    write_config(folder.path(), "");
    fs::write(folder.path().join("s.sock"), "precious").unwrap();
    let said = refused(folder.path());
    assert_eq!(said.status, 2);
    assert!(said.err.contains("s.sock exists and is not a socket"), "{said:?}");
    assert_eq!(fs::read_to_string(folder.path().join("s.sock")).unwrap(), "precious");
}

#[test]
fn a_missing_log_folder_is_told_with_its_place() {
    let folder = folder();
    write_config(folder.path(), "[program:x]\ncommand=/bin/cat\nstdout_logfile=/no/such/folder/x.log\n");
    let said = refused(folder.path());
    assert_eq!(said.status, 2);
    assert!(said.err.contains("/no/such/folder/x.log") && said.err.contains("supervisord.conf:14"), "{said:?}");
}

#[test]
fn in_the_background_it_leads_a_session_and_its_starter_has_ended() {
    let folder = folder();
    write_config(folder.path(), "[supervisord]\nnodaemon=false\n[program:cat]\ncommand=/bin/cat\n");
    let said = refused(folder.path());
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "", ""));
    let pidfile = folder.path().join("supervisord.pid");
    wait("the pidfile", || fs::read_to_string(&pidfile).is_ok_and(|text| text.ends_with('\n')));
    let pid: u32 = fs::read_to_string(&pidfile).unwrap().trim().parse().unwrap();
    assert_eq!(harness::stat(pid).unwrap()[3], pid.to_string(), "it leads its session");
    for number in 0..3 {
        assert_eq!(fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap().to_str(), Some("/dev/null"));
    }
    kill(pid, "TERM");
    wait("it ends", || !lives(pid));
    assert!(!pidfile.exists());
}

#[test]
fn a_pidfile_that_cannot_be_written_is_no_reason_not_to_run() {
    let daemon = Daemon::start("[supervisord]\npidfile=/proc/no.pid\n[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    assert_eq!(daemon.log_lines("could not write"), ["CRIT could not write pidfile /proc/no.pid"]);
}

#[test]
fn a_log_that_cannot_be_opened_ends_the_start() {
    let folder = folder();
    write_config(folder.path(), "[supervisord]\nlogfile=/proc/no.log\n");
    let said = refused(folder.path());
    assert_eq!(said.status, 2);
    assert!(said.err.contains("/proc/no.log"), "{said:?}");
}

#[test]
fn without_a_configuration_it_says_where_it_looked() {
    let empty = folder();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_supervisord"));
    command.current_dir(empty.path());
    if ["/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"].iter().any(|path| fs::metadata(path).is_ok()) {
        return;
    }
    let said = said(command);
    assert_eq!(said.status, 2);
    // Root is warned before the search.
    let line = said.err.lines().find(|line| line.starts_with("Error: "));
    assert!(line.is_some_and(|line| line.starts_with("Error: No config file found at default paths (")), "{said:?}");
}
