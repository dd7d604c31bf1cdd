//! XML-RPC over real sockets.

use std::time::{Duration, Instant};

use engine::{Answer, LogRead, Request};
use model::{Fault, FaultCode, Level, Value};

use super::support::{call, front, simple};

#[test]
fn a_call_is_answered_on_both_sockets_in_the_headers_that_clients_know() {
    let front = front(None, simple);
    for mut wire in [front.unix(), front.tcp()] {
        for _ in 0..3 {
            wire.call("supervisor.getState", "");
            let reply = wire.reply("POST");
            assert_eq!((reply.status, reply.header("Content-Type")), (200, Some("text/xml")), "{reply:?}");
            assert!(reply.body.starts_with("<?xml version"), "{reply:?}");
            assert!(reply.body.contains("<name>statecode</name>"), "{reply:?}");
        }
    }
    assert_eq!(front.call(), "supervisor.getState[]");
}

#[test]
fn the_length_of_an_answer_counts_bytes() {
    let front = front(None, simple);
    let mut wire = front.unix();
    wire.call("supervisor.echo", "<param><value>żółw</value></param>");
    assert!(wire.reply("POST").body.contains("<string>żółw</string>"));
    wire.call("supervisor.getState", "");
    assert_eq!(wire.reply("POST").status, 200);
}

#[test]
fn a_pipelined_call_behind_one_that_waits_is_answered_too() {
    let mut waits = 0;
    let front = front(None, move |request| match request {
        Request::Method { name, .. } if name == "supervisor.slow" => {
            waits += 1;
            std::thread::sleep(Duration::from_millis(50));
            Some(Answer::Value(Value::Int(waits)))
        }
        other => simple(other),
    });
    let mut wire = front.unix();
    let (slow, quick) = (call("supervisor.slow", ""), call("supervisor.getState", ""));
    let both: String = [slow, quick]
        .iter()
        .map(|body| format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .collect();
    wire.send(&both);
    assert!(wire.reply("POST").body.contains("<int>1</int>"));
    assert!(wire.reply("POST").body.contains("statecode"));
}

#[test]
fn a_client_that_goes_while_it_waits_is_told_to_control() {
    let front = front(None, simple);
    let mut wire = front.unix();
    wire.call("supervisor.wait", "");
    assert_eq!(front.call(), "supervisor.wait[]");
    drop(wire);
    front.hung_up();
}

#[test]
fn what_is_no_call_is_a_bad_request_and_the_connection_goes_on() {
    let front = front(None, simple);
    let mut wire = front.unix();
    for body in ["hello", "<methodCall>", "<methodCall/>", &call("", ""), "<?xml version='1.0'?>"] {
        wire.send(&format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(wire.reply("POST").status, 400, "{body}");
    }
    wire.call("supervisor.getState", "");
    assert_eq!(wire.reply("POST").status, 200);
    assert!(front.logged(Level::Error, "XML-RPC request data 'hello' is invalid: unmarshallable"));
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        assert_eq!(front.ask(method, "/RPC2", &[], "").status, 400, "{method}");
    }
    assert_eq!(front.ask("POST", "/RPC2/?x", &[], &call("supervisor.getState", "")).status, 200);
    wire.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(wire.reply("POST").status, 411);
}

#[test]
fn a_multicall_gives_values_and_faults_in_order() {
    let front = front(None, simple);
    let mut wire = front.unix();
    let one = |name: &str| {
        format!("<value><struct><member><name>methodName</name><value>{name}</value></member></struct></value>")
    };
    let calls = [one("supervisor.getState"), one("system.multicall"), one("nosuch"), "<value><struct/></value>".into()];
    wire.call(
        "system.multicall",
        &format!("<param><value><array><data>{}</data></array></value></param>", calls.concat()),
    );
    let body = wire.reply("POST").body;
    let places: Vec<_> = ["statecode", "Recursive system.multicall forbidden", "UNKNOWN_METHOD", "No methodName"]
        .iter()
        .map(|words| body.find(words).unwrap_or_else(|| panic!("{words} in {body}")))
        .collect();
    assert!(places.is_sorted(), "{body}");
    for wrong in [
        "",
        "<param><value>x</value></param>",
        "<param><value><array><data><value>x</value></data></array></value></param>",
    ] {
        wire.call("system.multicall", wrong);
        assert!(wire.reply("POST").body.contains("INCORRECT_PARAMETERS"), "{wrong}");
    }
}

#[test]
fn a_log_is_read_for_the_client_whatever_bytes_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, b"caf\xc3\xa9 \xff\x1b[1m end").unwrap();
    let front = front(None, move |request| {
        let Request::Method { name, .. } = request else { return None };
        let path = name.ends_with("Log").then(|| path.clone());
        Some(Answer::Read(LogRead { path, offset: 0, length: 0, tail: false }))
    });
    let mut wire = front.unix();
    wire.call("supervisor.readLog", "");
    let body = wire.reply("POST").body;
    assert!(body.contains("café \u{fffd}") && body.contains(" end") && !body.contains('\u{1b}'), "{body:?}");
    wire.call("supervisor.readNothing", "");
    assert!(wire.reply("POST").body.contains("<string>NO_FILE</string>"));
}

#[test]
fn a_page_of_another_site_cannot_call() {
    let front = front(None, simple);
    let body = call("supervisor.getState", "");
    for header in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"] {
        assert_eq!(front.ask("POST", "/RPC2", &[header], &body).status, 403, "{header}");
    }
}

#[test]
fn a_shutdown_is_answered_before_the_server_goes() {
    let mut front = front(None, |_| Some(Answer::Fault(Fault::bare(FaultCode::ShutdownState))));
    let (mut asks, mut idle) = (front.unix(), front.unix());
    asks.call("supervisor.shutdown", "");
    front.call();
    let begun = Instant::now();
    front.stop();
    assert!(begun.elapsed() < Duration::from_secs(1), "an idle connection held up the stop");
    assert!(asks.reply("POST").body.contains("SHUTDOWN_STATE"));
    assert!(idle.ends());
    assert!(!front.path("s.sock").exists());
}
