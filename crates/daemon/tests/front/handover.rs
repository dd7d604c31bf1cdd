//! Upgrade in place: one front hands everything over to another, and no client notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daemon::front::{Description, Handed};
use engine::{Answer, CallId};
use model::{Fault, FaultCode, Value};

use super::support::{self, Front, call, front, simple, until};

/// Hands over to a second front by way of the bytes that an exec would carry.
fn upgrade(front: &mut Front) -> Vec<CallId> {
    let Handed { description, descriptors } = front.hand_over();
    let bytes = serde_json::to_vec(&description).unwrap();
    let description: Description = serde_json::from_slice(&bytes).unwrap();
    let calls: Vec<CallId> = description.calls().collect();
    front.take_up(Handed { description, descriptors });
    calls
}

fn done(text: &'static str) -> Answer {
    Answer::Value(Value::from(text))
}

#[test]
fn a_call_that_waits_is_answered_after_the_upgrade_on_the_same_connection() {
    let mut front = front(None, simple);
    let (mut unix, mut tcp) = (front.unix(), front.tcp());
    unix.call("supervisor.wait", "");
    tcp.call("supervisor.wait", "");
    assert_eq!((front.call(), front.call()), ("supervisor.wait[]".into(), "supervisor.wait[]".into()));
    let calls = upgrade(&mut front);
    assert_eq!(calls.len(), 2);
    for call in calls {
        front.answer(call, done("late"));
    }
    for mut wire in [unix, tcp] {
        let reply = wire.reply("POST");
        assert!(reply.status == 200 && reply.body.contains("late"), "{reply:?}");
        assert_eq!(reply.header("Content-Type"), Some("text/xml"));
        // It is kept, and no number of a call is given twice.
        wire.call("supervisor.getState", "");
        assert!(wire.reply("POST").body.contains("statecode"));
    }
    assert!(front.hung_up_so_far().is_empty());
}

#[test]
fn an_answer_that_control_gives_before_the_client_asks_again_is_not_lost_and_two_upgrades_are_survived() {
    let mut front = front(None, simple);
    let mut wire = front.unix();
    wire.call("supervisor.wait", "");
    front.call();
    let first = upgrade(&mut front);
    let second = upgrade(&mut front);
    assert_eq!(first, second);
    front.answer(first[0], done("twice handed"));
    assert!(wire.reply("POST").body.contains("twice handed"));
}

#[test]
fn idle_connections_go_on_and_a_password_that_was_shown_stays_shown() {
    let mut front = front(Some(("user", "pass")), simple);
    let request = "GET /ok.html HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n";
    let mut used = front.tcp();
    used.send(request);
    assert_eq!(used.reply("GET").status, 200);
    let mut fresh = front.unix();
    upgrade(&mut front);
    for wire in [&mut used, &mut fresh] {
        wire.send(request);
        assert_eq!(wire.reply("GET").body, "OK");
        wire.send("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(wire.reply("GET").status, 401);
    }
}

#[test]
fn a_request_that_is_half_sent_is_completed_and_answered() {
    let mut front = front(None, simple);
    let body = call("supervisor.echo", "<param><value>hello</value></param>");
    let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // Cut within the head, at its end, and within the next request on a connection that waits.
    let mut halves: Vec<_> = [10, 40]
        .into_iter()
        .map(|cut| {
            let mut wire = front.tcp();
            wire.send(&request[..cut]);
            (wire, cut)
        })
        .collect();
    let mut waits = front.tcp();
    waits.call("supervisor.wait", "");
    front.call();
    waits.send(&request[..30]);
    let calls = upgrade(&mut front);
    for (wire, cut) in &mut halves {
        wire.send(&request[*cut..]);
        let reply = wire.reply("POST");
        assert!(reply.body.contains("hello"), "cut at {cut}: {reply:?}");
    }
    waits.send(&request[30..]);
    front.answer(calls[0], done("first"));
    assert!(waits.reply("POST").body.contains("first"));
    assert!(waits.reply("POST").body.contains("hello"));
}

#[test]
fn a_body_that_is_half_sent_may_come_for_a_second_and_is_refused_after_it() {
    let mut front = front(None, simple);
    let body = call("supervisor.echo", "<param><value>hello</value></param>");
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let (mut quick, mut slow) = (front.raw(), front.tcp());
    quick.write_all(format!("{head}{}", &body[..20]).as_bytes()).unwrap();
    slow.send(&format!("{head}{}", &body[..20]));
    // The front has read them when it answers somebody who came later.
    assert_eq!(front.ask("GET", "/ok.html", &[], "").status, 200);
    let rest = body[20..].to_owned();
    let writer = thread::spawn(move || {
        quick.write_all(rest.as_bytes()).unwrap();
        quick
    });
    let begun = Instant::now();
    upgrade(&mut front);
    // The slow one was waited for once.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let mut quick = writer.join().unwrap();
    let mut text = [0; 4096];
    let count = quick.read(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[..count]).into_owned();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("hello"), "{text}");
    let reply = slow.reply("POST");
    assert_eq!((reply.status, slow.ends()), (503, true), "{reply:?}");
}

#[test]
fn a_multicall_goes_on_where_it_was() {
    let mut front = front(None, simple);
    let one = |method: &str, param: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name>\
             <value><array><data>{param}</data></array></value></member></struct></value>"
        )
    };
    let calls: String = [
        one("supervisor.echo", "<value>first</value>"),
        one("supervisor.wait", ""),
        one("supervisor.echo", "<value>third</value><value><double>nan</double></value>"),
        one("supervisor.wait", ""),
    ]
    .concat();
    let mut wire = front.unix();
    wire.call("system.multicall", &format!("<param><value><array><data>{calls}</data></array></value></param>"));
    let mut upgrades = 0;
    for words in ["second", "fourth"] {
        assert!(until(|| front.call().starts_with("supervisor.wait")));
        let waiting = upgrade(&mut front);
        upgrades += waiting.len();
        front.answer(waiting[0], done(words));
    }
    let body = wire.reply("POST").body;
    let places: Vec<_> = ["first", "second", "third", "fourth"].iter().map(|word| body.find(word)).collect();
    assert!(upgrades == 2 && places.is_sorted() && places[0].is_some(), "{body}");
}

#[test]
fn an_action_of_the_page_goes_on_and_tells_how_it_went() {
    let mut front = front(None, |request| match request {
        engine::Request::Method { name, .. } if name.ends_with("stopProcess") => None,
        engine::Request::Method { name, .. } if name.ends_with("startProcess") => {
            Some(Answer::Value(Value::Bool(true)))
        }
        _ => Some(Answer::Fault(Fault::bare(FaultCode::UnknownMethod))),
    });
    let mut wire = front.tcp();
    wire.send("GET /?action=restart&processname=cat HTTP/1.0\r\nHost: box:9001\r\n\r\n");
    assert!(front.call().starts_with("supervisor.stopProcess"));
    let calls = upgrade(&mut front);
    front.answer(calls[0], done("stopped"));
    let reply = wire.reply("GET");
    assert!(front.call().starts_with("supervisor.startProcess"));
    assert_eq!(reply.status, 301);
    assert_eq!(reply.header("Location"), Some("http://box:9001/?message=Process%20cat%20restarted"));
    // HTTP/1.0 without keep-alive: closed after the answer, as it would have been.
    assert!(wire.ends());
}

#[test]
fn an_action_whose_client_has_gone_is_done_to_its_end() {
    let mut front = front(None, |request| match request {
        engine::Request::Method { name, .. } if name.ends_with("stopAllProcesses") => None,
        _ => Some(Answer::Value(Value::Array(Vec::new()))),
    });
    let mut wire = front.tcp();
    wire.send("GET /?action=restartall HTTP/1.0\r\nHost: x\r\n\r\n");
    assert!(front.call().starts_with("supervisor.stopAllProcesses"));
    drop(wire);
    let calls = upgrade(&mut front);
    front.answer(calls[0], Answer::Value(Value::Array(Vec::new())));
    assert!(front.call().starts_with("supervisor.startAllProcesses"));
}

#[test]
fn an_answer_that_its_client_takes_slowly_comes_whole() {
    let long = "x".repeat(8 * 1024 * 1024);
    let given = long.clone();
    let mut front = front(None, move |_| Some(Answer::Value(Value::from(given.clone()))));
    let mut wire = front.unix();
    wire.call("supervisor.long", "");
    front.call();
    let request = "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n";
    wire.send(request);
    upgrade(&mut front);
    upgrade(&mut front);
    let reply = wire.reply("POST");
    assert!(reply.body.contains(&long), "{} {:?} {}", reply.status, reply.head, reply.body.len());
    assert_eq!(wire.reply("GET").body, "OK");
}

#[test]
fn no_client_is_refused_while_one_front_follows_another() {
    let mut front = front(None, simple);
    let (address, path) = (front.tcp, front.path("s.sock"));
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicUsize::new(0));
    let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
    let clients = thread::spawn(move || {
        let mut longest = Duration::ZERO;
        while !stopped.load(Ordering::Relaxed) {
            let begun = Instant::now();
            for mut wire in [support::wire_tcp(address), support::wire_unix(&path)] {
                wire.call("supervisor.getState", "");
                let reply = wire.reply("POST");
                assert!(reply.status == 200 && reply.body.contains("statecode"), "{reply:?}");
                counted.fetch_add(1, Ordering::Relaxed);
            }
            longest = longest.max(begun.elapsed());
        }
        longest
    });
    for _ in 0..20 {
        upgrade(&mut front);
        let before = count.load(Ordering::Relaxed);
        assert!(until(|| count.load(Ordering::Relaxed) > before + 2 || clients.is_finished()));
    }
    stop.store(true, Ordering::Relaxed);
    let longest = clients.join().unwrap();
    println!("{count:?} calls over 20 upgrades, the longest pair took {longest:?}");
}

#[test]
fn clients_that_never_pause_get_each_answer_once_and_in_order() {
    let mut front = front(None, simple);
    let (address, path) = (front.tcp, front.path("s.sock"));
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..6)
        .map(|client| {
            let (stopped, counted, path) = (Arc::clone(&stop), Arc::clone(&count), path.clone());
            thread::spawn(move || {
                let mut wire = if client % 2 == 0 { support::wire_tcp(address) } else { support::wire_unix(&path) };
                let mut number = 0;
                while !stopped.load(Ordering::Relaxed) {
                    // Two at once: the second may be in memory when reading stops.
                    for next in [number, number + 1] {
                        wire.call("supervisor.echo", &format!("<param><value>c{client}n{next}.</value></param>"));
                    }
                    for next in [number, number + 1] {
                        let reply = wire.reply("POST");
                        assert!(reply.body.contains(&format!("c{client}n{next}.")), "{client} {next}: {reply:?}");
                    }
                    number += 2;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..40 {
        upgrade(&mut front);
        let before = count.load(Ordering::Relaxed);
        let fails = || clients.iter().any(thread::JoinHandle::is_finished);
        assert!(until(|| count.load(Ordering::Relaxed) > before + 6 || fails()));
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn streams_end_and_their_clients_come_back() {
    let mut front = front(None, simple);
    std::fs::write(front.path("main.log"), "line\n").unwrap();
    let mut tail = front.tcp();
    tail.send("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(tail.head().starts_with("HTTP/1.1 200"));
    assert_eq!(tail.chunk(), "line\n");
    let begun = Instant::now();
    upgrade(&mut front);
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(tail.chunk(), "");
    tail.send("GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(tail.head().starts_with("HTTP/1.1 200"));
    assert_eq!(tail.chunk(), "line\n");
}

#[test]
fn what_was_handed_over_and_does_not_fit_is_refused() {
    let mut front = front(None, simple);
    let _idle = front.tcp();
    assert_eq!(front.ask("GET", "/ok.html", &[], "").status, 200);
    let mut handed = front.hand_over();
    handed.descriptors.pop();
    assert!(front.try_take_up(handed).is_err());
    assert!(TcpStream::connect(front.tcp).is_err());
}
