//! Clients that cost more than they should: slow ones, many of them, and what others feel of it.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::harness::{Daemon, folder, supervisord, wait, write_config};
use super::wire::{call, exchange, free_port, status, tcp, unix};

/// Clients that each send a byte of a request now and then, until they are dropped.
struct Slow {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Slow {
    fn new(port: u16, count: usize, begin: &'static [u8]) -> Self {
        let mut streams: Vec<TcpStream> = (0..count)
            .map(|_| {
                let mut stream = tcp(port);
                let _ = stream.write_all(begin);
                stream
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for stream in &mut streams {
                    // One that was let go cannot be written to.
                    let _ = stream.write_all(b"x");
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

const HEAD: &[u8] = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nX-Slow: ";
const BODY: &[u8] = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n<methodCall>";

/// The longest of some asks, on the unix socket and on TCP.
fn longest(daemon: &Daemon, port: u16) -> [Duration; 2] {
    let ask = call("supervisor.getAllProcessInfo", "", "");
    let timed = |ask: &dyn Fn() -> String| {
        let begun = Instant::now();
        let answer = ask();
        assert!(status(&answer) == 200 && answer.contains("cat"), "{answer}");
        begun.elapsed()
    };
    let times = (0..20)
        .map(|_| [timed(&|| exchange(unix(&daemon.path("s.sock")), &ask)), timed(&|| exchange(tcp(port), &ask))]);
    times.fold([Duration::ZERO; 2], |[unix, tcp], [one, other]| [unix.max(one), tcp.max(other)])
}

#[test]
fn five_hundred_slow_clients_leave_status_answered() {
    let port = free_port();
    let daemon =
        Daemon::start(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n[program:cat]\ncommand=/bin/cat\n"));
    for (what, begin) in [("head", HEAD), ("body", BODY)] {
        let slow = Slow::new(port, 500, begin);
        let [unix, tcp] = longest(&daemon, port);
        println!(
            "500 clients that are slow with the {what}: status took {unix:?} at most on the unix socket, {tcp:?} on TCP"
        );
        // A slow client would be waited for half a minute. The figure for people is in docs/security.md.
        assert!(unix.max(tcp) < Duration::from_secs(2), "{unix:?} {tcp:?}");
        drop(slow);
    }
}

#[test]
fn beyond_the_limit_the_oldest_unfinished_requests_make_room_for_the_honest() {
    let port = free_port();
    let folder = folder();
    let config = format!(
        "[supervisord]\nminfds=100\n[inet_http_server]\nport=127.0.0.1:{port}\n[program:cat]\ncommand=/bin/cat\n"
    );
    write_config(folder.path(), &config);
    // With 256 descriptors the daemon serves 64 clients at once, and 32 of one address.
    let daemon = supervisord(folder.path());
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(daemon.get_program()).args(daemon.get_args());
    limited.current_dir(folder.path());
    let daemon = Daemon::start_by(limited, folder);
    for begin in [HEAD, BODY, b""] {
        let slow = Slow::new(port, 200, begin);
        let [unix, tcp] = longest(&daemon, port);
        assert!(unix.max(tcp) < Duration::from_secs(2), "{unix:?} {tcp:?}");
        drop(slow);
    }
    // It is told once, not for each of them.
    wait("it is told", || !daemon.log_lines("clients were let go or turned away: 64 at once are served").is_empty());
    assert!(daemon.log_lines("were let go").len() < 10);
}

#[test]
fn clients_that_wait_for_an_answer_keep_their_place() {
    let port = free_port();
    let folder = folder();
    let sleeper =
        "[program:slow]\ncommand=/bin/sleep 1000\nstartsecs=5\nautostart=false\n[program:cat]\ncommand=/bin/cat\n";
    write_config(
        folder.path(),
        &format!("[supervisord]\nminfds=100\n[inet_http_server]\nport=127.0.0.1:{port}\n{sleeper}"),
    );
    let daemon = supervisord(folder.path());
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(daemon.get_program()).args(daemon.get_args());
    limited.current_dir(folder.path());
    let daemon = Daemon::start_by(limited, folder);
    let mut waits = tcp(port);
    waits.write_all(&call("supervisor.startProcess", "<param><value>slow</value></param>", "")).unwrap();
    daemon.wait_state("slow", "STARTING");
    let slow = Slow::new(port, 200, HEAD);
    daemon.wait_state("slow", "RUNNING");
    let answer = exchange(waits, b"");
    assert!(status(&answer) == 200 && answer.contains("<boolean>1</boolean>"), "{answer}");
    drop(slow);
}
