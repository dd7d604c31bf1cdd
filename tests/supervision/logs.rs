//! What programs write.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{self, Daemon, wait};

#[test]
fn the_last_words_of_a_program_are_in_its_log_before_its_end_is_known() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"seq 20000; echo last\"\nstartsecs=0\nautorestart=false\nautostart=false\n\
         stdout_logfile=<DIR>/x.log\n",
    );
    for _ in 0..5 {
        fs::write(daemon.path("x.log"), "").unwrap();
        daemon.ctl("start x");
        daemon.wait_state("x", "EXITED");
        assert!(daemon.read("x.log").ends_with("20000\nlast\n"));
    }
}

#[test]
fn an_exit_counts_at_once_even_if_a_grandchild_holds_the_pipe() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"sleep 1000 & echo $!\"\nstartsecs=0\nautorestart=false\n\
         stdout_logfile=<DIR>/x.log\n",
    );
    daemon.wait_state("x", "EXITED");
    let grandchild: u32 = daemon.read("x.log").trim().parse().unwrap();
    assert!(harness::lives(grandchild));
    harness::kill(grandchild, "KILL");
}

#[test]
fn auto_logs_are_made_at_once_private_and_gone_at_the_next_start() {
    let mut daemon = Daemon::start("[program:x]\ncommand=/bin/cat\nautostart=false\n");
    let autologs = |daemon: &Daemon| -> Vec<String> {
        let names =
            fs::read_dir(daemon.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.contains("---supervisor-")).collect();
        names.sort();
        names
    };
    let first = autologs(&daemon);
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first[0].starts_with("x-stderr---supervisor-") && first[1].starts_with("x-stdout---supervisor-"));
    for name in &first {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(daemon.path(name).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    daemon.signal("HUP");
    wait("the next run", || daemon.log_lines("supervisord started").len() == 2);
    wait("new logs", || {
        let second = autologs(&daemon);
        second.len() == 2 && second.iter().all(|name| !first.contains(name))
    });
    daemon.signal("TERM");
    daemon.wait_end();
}

#[test]
fn a_program_that_cannot_be_started_has_empty_auto_logs() {
    let daemon = Daemon::start("[program:x]\ncommand=/no/such/program\nstartretries=0\n");
    daemon.wait_state("x", "FATAL");
    let names = fs::read_dir(daemon.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let logs: Vec<String> = names.filter(|name| name.contains("---supervisor-")).collect();
    assert_eq!(logs.len(), 2, "{logs:?}");
    assert!(logs.iter().all(|name| daemon.path(name).metadata().unwrap().len() == 0));
}

#[test]
fn a_reader_of_the_daemons_stdout_that_has_stopped_delays_nobody() {
    let folder = harness::folder();
    harness::write_config(
        folder.path(),
        "[supervisord]\nsilent=true\n\
         [program:flood]\ncommand=/bin/sh -c \"exec yes this goes to nobody\"\nstdout_logfile=/dev/stdout\n\
         stdout_logfile_maxbytes=0\n\
         [program:x]\ncommand=/bin/sh -c \"while read line; do echo $line; done\"\nstdout_logfile=<DIR>/x.log\n",
    );
    let mut command = harness::supervisord(folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = Daemon::start_by(command, folder);
    daemon.wait_state("flood", "RUNNING");
    let flood = daemon.pid_of("flood");
    wait("the flood stands still", || {
        let now = || fs::read_to_string(format!("/proc/{flood}/io")).unwrap();
        let before = now();
        std::thread::sleep(Duration::from_millis(50));
        before == now()
    });
    daemon.wait_state("x", "RUNNING");
    for number in 1..=10 {
        let began = Instant::now();
        assert!(daemon.ctl_out("status x").contains("RUNNING"));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        daemon.rpc_with(
            "supervisor.sendProcessStdin",
            &format!("<param><value>x</value></param><param><value>{number}\n</value></param>"),
        );
    }
    wait("it is logged", || daemon.read("x.log").ends_with("10\n"));
    assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
    assert_eq!(daemon.ctl_out("stop flood"), "flood: stopped\n");
    let mut stdout = daemon.take_stdout();
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end(), 0);
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("this goes to nobody\n"));
}
