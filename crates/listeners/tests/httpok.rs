//! httpok, from its ticks over a web server's answer to the calls that the daemon gets.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Daemon, Played, Process, Sendmail, conversation, event, play, request, respond, running, server, tick};
use listeners::httpok::run;
use model::state::ProcessState;

const RESTARTED: [&str; 3] = ["getAllProcessInfo", "stopProcess web", "startProcess web"];

fn web() -> Daemon {
    Daemon::new(vec![running("web", "web")], &[])
}

fn httpok(daemon: &Daemon, arguments: &[&str]) -> Played {
    play("httpok", run, arguments, &daemon.environment(), &tick())
}

/// A web server that gives one answer; its URL.
fn answering(status: &'static str, body: &'static [u8]) -> String {
    let port = server(move |mut stream| {
        request(&mut stream);
        respond(&mut stream, status, body);
    });
    format!("http://127.0.0.1:{port}/up")
}

#[test]
fn a_url_that_answers_well_is_left_alone() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let port = server(move |mut stream| {
        seen.lock().unwrap().push(request(&mut stream).0);
        respond(&mut stream, "200 OK", b"fine");
    });
    let daemon = web();
    let url = format!("http://127.0.0.1:{port}/some/page?q=1#part");
    let events = event("PROCESS_STATE_RUNNING", "") + &tick();
    let played = play("httpok", run, &["-p", "web", &url], &daemon.environment(), &events);
    assert_eq!((played.status, played.out, played.err), (1, conversation(2), String::new()));
    assert!(daemon.calls().is_empty());
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("GET /some/page?q=1 HTTP/1.1\r\n"), "{}", heads[0]);
    let lower = heads[0].to_lowercase();
    assert!(lower.contains("\r\nuser-agent: httpok\r\n") && lower.contains(&format!("\r\nhost: 127.0.0.1:{port}\r\n")));
}

#[test]
fn a_wrong_status_restarts_the_program_and_mails() {
    let (daemon, sendmail, url) = (web(), Sendmail::new(), answering("503 Not Now", b""));
    let arguments = ["-p", "web", "-p", "gone", "-n", "home", "-m", "ops@example.com", "-s", &sendmail.command, &url];
    let played = httpok(&daemon, &arguments);
    assert_eq!((played.out, daemon.calls()), (conversation(1), RESTARTED.map(str::to_owned).to_vec()));
    let said = "Restarting selected processes ['web', 'gone']\nweb is in RUNNING state, restarting\nweb restarted\n\
                Programs not restarted because they did not exist: ['gone']";
    let mail = format!(
        "To: ops@example.com\nSubject: httpok [home]: {url}: bad status returned\n\nstatus contacting {url}: 503 Not Now\n{said}"
    );
    assert_eq!(sendmail.mails(), [mail.as_str()]);
    assert_eq!(played.err, format!("{said}\nMailed:\n\n{mail}"));
}

#[test]
fn the_body_must_hold_the_text() {
    let url = answering("200 OK", b"\xff all is well \xfe");
    for (text, restarted) in [("is well", false), ("", false), ("is bad", true)] {
        let daemon = web();
        httpok(&daemon, &["-p", "web", "-b", text, &url]);
        assert_eq!(!daemon.calls().is_empty(), restarted, "{text}");
    }
}

#[test]
fn the_statuses_that_are_well_can_be_chosen_and_a_redirect_is_an_answer() {
    for (status, arguments, restarted) in [
        ("404 Not Found", &["-c", "200", "-c", "404"][..], false),
        ("200 OK", &["-c", "204"], true),
        ("301 x", &[], true),
    ] {
        let (daemon, url) = (web(), answering(status, b""));
        httpok(&daemon, &[&["-p", "web"], arguments, &[&url]].concat());
        assert_eq!(!daemon.calls().is_empty(), restarted, "{status}");
    }
}

#[test]
fn no_server_holds_it_longer_than_told() {
    let silent =
        |stream: std::net::TcpStream| drop(thread::spawn(move || (thread::sleep(Duration::from_secs(20)), stream)));
    let dripping = |mut stream: std::net::TcpStream| {
        drop(thread::spawn(move || {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }));
    };
    for port in [server(silent), server(dripping)] {
        let (daemon, began) = (web(), Instant::now());
        httpok(&daemon, &["-p", "web", "-t", "1", &format!("http://127.0.0.1:{port}/")]);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(daemon.calls(), RESTARTED);
    }
}

#[test]
fn what_is_no_http_counts_as_no_answer() {
    let port = server(|mut stream| drop((request(&mut stream), stream.write_all(b"SSH-2.0-x\r\n"))));
    for url in [format!("http://127.0.0.1:{port}/"), "http://127.0.0.1:1/".into(), "http://no-such.invalid/".into()] {
        let (daemon, sendmail) = (web(), Sendmail::new());
        httpok(&daemon, &["-p", "web", "-m", "x", "-s", &sendmail.command, &url]);
        assert_eq!(daemon.calls(), RESTARTED);
        assert!(sendmail.mails()[0].contains(&format!("\n\nerror contacting {url}:\n\n ")), "{}", sendmail.mails()[0]);
    }
}

#[test]
fn https_needs_no_certificate_that_somebody_has_signed() {
    let port = server(|stream| {
        let mut stream = common::tls(stream);
        request(&mut stream);
        respond(&mut stream, "200 OK", b"secret");
    });
    let daemon = web();
    let played = httpok(&daemon, &["-p", "web", "-b", "secret", &format!("https://localhost:{port}/")]);
    assert!(daemon.calls().is_empty(), "{}", played.err);
}

#[test]
fn a_server_on_a_unix_socket_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (head, _) = request(&mut stream);
        respond(&mut stream, if head.starts_with("GET /up ") { "200 OK" } else { "404 x" }, b"");
    });
    let daemon = web();
    httpok(&daemon, &["-p", "web", &format!("unix://{}:/up", path.display())]);
    assert!(daemon.calls().is_empty());
}

#[test]
fn lazy_checks_look_at_groups_and_at_everything() {
    let url = answering("500 x", b"");
    let idle = Process { state: ProcessState::Stopped, ..running("idle", "idle") };
    for (arguments, calls) in [(&["-p", "shop:web"][..], 4), (&["-a"], 4), (&["-p", "idle"], 1), (&[], 1)] {
        let daemon = Daemon::new(vec![running("shop", "web"), idle.clone()], &[]);
        httpok(&daemon, &[&["-E"], arguments, &[&url]].concat());
        assert_eq!(daemon.calls().len(), calls, "{arguments:?}: {:?}", daemon.calls());
    }
}

#[test]
fn it_does_not_stop_itself() {
    let daemon = Daemon::new(vec![running("ok", "httpok"), running("web", "web")], &[]);
    let environment = [daemon.environment()[0], ("SUPERVISOR_GROUP_NAME", "ok"), ("SUPERVISOR_PROCESS_NAME", "httpok")];
    let played = play("httpok", run, &["-a", &answering("500 x", b"")], &environment, &tick());
    assert_eq!(daemon.calls(), RESTARTED);
    assert!(played.err.contains("Restarting all running processes\nok:httpok is this httpok, NOT restarting\n"));
}

#[test]
fn a_refusal_of_the_daemon_is_told_and_the_rest_goes_on() {
    let daemon =
        Daemon::new(vec![running("web", "web"), running("two", "two")], &["stopProcess web", "startProcess web"]);
    let played = httpok(&daemon, &["-a", &answering("500 x", b"")]);
    for line in [
        "Failed to stop process web: <Fault 70: 'NOT_RUNNING: web'>\n",
        "Failed to start process web: <Fault 70: 'NOT_RUNNING: web'>\n",
        "two restarted\n",
    ] {
        assert!(played.err.contains(line), "{}", played.err);
    }
    let environment = [("SUPERVISOR_SERVER_URL", "http://127.0.0.1:1")];
    let played = play("httpok", run, &["-a", &answering("500 x", b"")], &environment, &tick());
    assert!(played.err.starts_with("Exception retrieving process info ") && played.err.ends_with(", not acting\n"));
    assert_eq!(played.out, conversation(1));
}

#[test]
fn a_core_file_is_written_before_a_restart() {
    let (daemon, sendmail) = (web(), Sendmail::new());
    let arguments = [
        "-p",
        "web",
        "-g",
        "echo core of",
        "-d",
        "/tmp/co res",
        "-m",
        "x",
        "-s",
        &sendmail.command,
        &answering("500 x", b""),
    ];
    httpok(&daemon, &arguments);
    let words =
        format!("gcore output for web:\n\n core of /tmp/co res/web {}\n\nweb is in RUNNING", std::process::id());
    assert!(sendmail.mails()[0].contains(&words), "{}", sendmail.mails()[0]);
}

#[test]
fn credentials_come_from_the_environment() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let port = server(move |mut stream| {
        seen.lock().unwrap().push(request(&mut stream).0);
        respond(&mut stream, "401 Unauthorized", b"");
    });
    let url = format!("http://localhost:{port}");
    let environment =
        [("SUPERVISOR_SERVER_URL", url.as_str()), ("SUPERVISOR_USERNAME", "me"), ("SUPERVISOR_PASSWORD", "secret")];
    let played = play("httpok", run, &["-a", &answering("500 x", b"")], &environment, &tick());
    assert!(played.err.contains("HTTP 401 Unauthorized, not acting"), "{}", played.err);
    let head = heads.lock().unwrap()[0].to_lowercase();
    assert!(
        head.starts_with("post /rpc2 http/1.1\r\n") && head.contains("authorization: basic bwu6c2vjcmv0\r\n"),
        "{head}"
    );
}

#[test]
fn wrong_arguments_have_their_statuses() {
    let daemon = web();
    for (arguments, status, words) in [
        (&[][..], 255, "URL"),
        (&["http://a/", "http://b/"], 255, "URL"),
        (&["--bogus", "http://a/"], 255, "--bogus"),
        (&["-t", "soon", "http://a/"], 1, "soon"),
        (&["-t", "0", "http://a/"], 1, "timeout"),
        (&["-c", "ok", "http://a/"], 1, "ok"),
        (&["ftp://a/"], 1, "Bad scheme ftp"),
        (&["-h"], 0, "--not-eager"),
    ] {
        let played = httpok(&daemon, arguments);
        assert_eq!(played.status, status, "{arguments:?}");
        assert!((played.out + &played.err).contains(words), "{arguments:?}");
    }
}
