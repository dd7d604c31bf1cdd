//! Log tails that stream.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use engine::{Answer, Request};
use model::{Channel, Fault, FaultCode};

use super::support::{Front, front, until};

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A front whose program `cat` logs to this file.
fn with_log(path: &Path) -> Front {
    let path = path.to_owned();
    front(None, move |request| match request {
        Request::LogPath { name, channel: Channel::Stdout } if name == "g:cat" => Some(Answer::Path(path.clone())),
        _ => Some(Answer::Fault(Fault::bare(FaultCode::BadName))),
    })
}

#[test]
fn a_tail_begins_with_the_last_kilobyte_and_streams_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, &"0123456789abcde\n".repeat(100));
    let front = with_log(&path);
    for (target, version) in [("/logtail/g:cat", "1.1"), ("/logtail/g%3Acat/stdout", "1.1")] {
        let mut wire = front.unix();
        wire.send(&format!("GET {target} HTTP/{version}\r\nHost: x\r\n\r\n"));
        let head = wire.head();
        for line in [
            "Content-Type: text/plain;charset=utf-8",
            "Transfer-Encoding: chunked",
            "X-Accel-Buffering: no",
            "Last-Modified: ",
        ] {
            assert!(head.contains(line), "{line} in {head}");
        }
        assert!(!head.contains("Content-Length"), "{head}");
        assert_eq!(wire.chunk().len(), 1024);
        append(&path, "news\n");
        assert_eq!(wire.chunk(), "news\n");
        append(&path, "more\n");
        assert_eq!(wire.chunk(), "more\n");
    }
}

#[test]
fn a_tail_goes_on_across_rotation_for_every_client() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "begin\n");
    let front = with_log(&path);
    let mut wires: Vec<_> = (0..3)
        .map(|_| {
            let mut wire = front.tcp();
            wire.send("GET /logtail/g:cat HTTP/1.1\r\nHost: localhost\r\n\r\n");
            wire.head();
            assert_eq!(wire.chunk(), "begin\n");
            wire
        })
        .collect();
    let mut expected = String::new();
    for number in 0..500 {
        let line = format!("line {number}\n");
        append(&path, &line);
        expected += &line;
        if number % 50 == 49 {
            for backup in (1..20).rev() {
                let _ = fs::rename(
                    dir.path().join(format!("log.{backup}")),
                    dir.path().join(format!("log.{}", backup + 1)),
                );
            }
            fs::rename(&path, dir.path().join("log.1")).unwrap();
        }
    }
    append(&path, "end\n");
    for wire in &mut wires {
        assert_eq!(wire.chunks_until("end\n"), expected.clone() + "end\n");
    }
}

#[test]
fn a_tail_over_http_1_0_is_not_chunked_and_ends_with_the_front() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "words\n");
    let mut front = with_log(&path);
    let mut wire = front.unix();
    wire.send("GET /logtail/g:cat HTTP/1.0\r\n\r\n");
    assert!(!wire.head().contains("chunked"));
    let mut main = front.unix();
    append(&front.path("main.log"), "INFO\n");
    main.send("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n");
    main.head();
    assert_eq!(main.chunk(), "INFO\n");
    front.stop();
    assert_eq!(wire.rest(), "words\n");
    assert_eq!(main.chunk(), "");
}

#[test]
fn what_has_no_log_is_not_found_and_other_methods_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let front = with_log(&path);
    for target in [
        "/logtail/nosuch",
        "/logtail/",
        "/logtail",
        "/logtail/g:cat",
        "/logtail/g:cat/nosuch",
        "/logtail/g:cat/stdout/x",
        "/mainlogtail",
    ] {
        assert_eq!(front.ask("GET", target, &[], "").status, 404, "{target}");
    }
    append(&path, "");
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(front.ask(method, "/logtail/g:cat", &[], "").status, 400, "{method}");
        assert_eq!(front.ask(method, "/mainlogtail", &[], "").status, 400, "{method}");
    }
}

#[test]
fn a_client_that_goes_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "words\n");
    let front = with_log(&path);
    let mut wire = front.unix();
    wire.send("GET /logtail/g:cat HTTP/1.1\r\nHost: x\r\n\r\n");
    wire.head();
    let open = || {
        let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
        all.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path)).count()
    };
    assert!(until(|| open() == 1));
    drop(wire);
    assert!(until(|| open() == 0));
}
