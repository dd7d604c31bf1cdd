//! Listeners and clients that stand still (SIGSTOP), and readers that do not read.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Daemon, children, descriptors, kill, wait};
use crate::{memory, no_zombie, status_is_true};

/// Long enough that a slow machine is not taken for a daemon that waits.
const QUICK: Duration = Duration::from_secs(5);

fn answers_quickly(daemon: &Daemon) {
    let began = Instant::now();
    assert!(daemon.ctl_out("status").contains("RUNNING"));
    assert!(began.elapsed() < QUICK, "status took {:?}", began.elapsed());
}

#[test]
fn a_listener_that_stands_still_loses_its_own_events_and_holds_up_nobody() {
    let daemon = Daemon::start(
        "[eventlistener:ear]\nevents=PROCESS_STATE\nbuffer_size=10\nstartsecs=0\nstderr_logfile=<DIR>/heard\n\
         command=/bin/sh -c 'while :; do echo READY; read line; n=${line##*len:}; head -c $n >&2; echo >&2; printf \"RESULT 2\\nOK\"; done'\n\
         [program:x]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    daemon.wait_state("ear", "RUNNING");
    daemon.wait_state("x", "RUNNING");
    wait("it listens", || daemon.read("heard").contains("x"));
    let before = descriptors(daemon.pid());
    let ear = daemon.pid_of("ear");
    kill(ear, "STOP");
    for _ in 0..5 {
        assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
    }
    daemon.wait_log("pool ear event buffer overflowed, discarding event");
    answers_quickly(&daemon);
    kill(ear, "CONT");
    let heard = daemon.read("heard").len();
    wait("it hears the events that were kept", || daemon.read("heard").len() > heard);
    let heard = daemon.read("heard").len();
    daemon.ctl("restart x");
    wait("it hears what happens now", || daemon.read("heard").len() > heard);
    assert_eq!(daemon.pid_of("ear"), ear);
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
    no_zombie(daemon.pid());
}

/// A program that writes much.
const FLOOD: &str = "[program:flood]\ncommand=/bin/sh -c 'yes 0123456789012345678901234567890123456789 | head -c 30000000; \
    exec sleep 1000'\nstartsecs=0\nstdout_logfile=<DIR>/flood.log\nstdout_logfile_maxbytes=0\n\
    [program:x]\ncommand=/bin/cat\nstartsecs=0\n";

#[test]
fn a_client_that_stands_still_in_a_tail_holds_up_nobody() {
    let daemon = Daemon::start(&FLOOD.replace("[program:flood]", "[program:flood]\nautostart=false"));
    daemon.wait_state("x", "RUNNING");
    answers_quickly(&daemon);
    let before = descriptors(daemon.pid());
    std::fs::write(daemon.path("flood.log"), "").unwrap();
    let mut tails: Vec<_> = (0..5)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
            command.arg("-c").arg(daemon.path("supervisord.conf")).args(["tail", "-f", "flood"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    wait("they follow", || descriptors(daemon.pid()) >= before + tails.len());
    for tail in &tails {
        kill(tail.id(), "STOP");
    }
    let small = memory(daemon.pid());
    daemon.ctl("start flood");
    let size = || std::fs::metadata(daemon.path("flood.log")).map_or(0, |found| found.len());
    wait("all is logged", || size() == 30_000_000);
    answers_quickly(&daemon);
    let grown = memory(daemon.pid()).saturating_sub(small);
    assert!(grown < 20_000, "{grown} KiB for clients that do not read");
    for tail in &mut tails {
        kill(tail.id(), "KILL");
        tail.wait().unwrap();
    }
    daemon.ctl("stop flood");
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    status_is_true(&daemon);
}

#[test]
fn a_reader_that_does_not_read_a_large_answer_holds_up_nobody_and_gets_it_whole() {
    let daemon = Daemon::start(FLOOD);
    let size = || std::fs::metadata(daemon.path("flood.log")).map_or(0, |found| found.len());
    wait("all is logged", || size() == 30_000_000);
    answers_quickly(&daemon);
    let before = descriptors(daemon.pid());
    let body = "<methodCall><methodName>supervisor.readProcessStdoutLog</methodName><params><param><value>flood</value></param>\
        <param><value><int>0</int></value></param><param><value><int>0</int></value></param></params></methodCall>";
    let mut slow: Vec<UnixStream> = (0..3)
        .map(|_| {
            let mut stream = UnixStream::connect(daemon.path("s.sock")).unwrap();
            write!(stream, "POST /RPC2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            stream
        })
        .collect();
    for _ in 0..3 {
        answers_quickly(&daemon);
        assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
    }
    let mut answer = Vec::new();
    slow.pop().unwrap().read_to_end(&mut answer).unwrap();
    assert!(answer.len() > 30_000_000 && answer.ends_with(b"</methodResponse>\n"), "{} bytes", answer.len());
    drop(slow);
    wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    assert_eq!(children(daemon.pid()).len(), 2);
    status_is_true(&daemon);
}
