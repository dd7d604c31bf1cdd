//! The web page and its events.

use std::sync::{Arc, Mutex};

use engine::action::{Overview, ProcessOverview};
use engine::{Answer, Request};
use model::{Fault, FaultCode, ProcessState, Value};

use super::support::{Front, front, until};

fn program(group: &str, name: &str, state: ProcessState, description: &str) -> ProcessOverview {
    ProcessOverview {
        group: group.into(),
        name: name.into(),
        state,
        description: description.into(),
        pid: (state == ProcessState::Running).then(std::process::id),
        start: 1_700_000_000,
        logs: [None, None],
    }
}

/// A front that shows these programs; methods give what `methods` says of them.
fn with_programs(
    programs: Arc<Mutex<Vec<ProcessOverview>>>,
    mut methods: impl FnMut(&str) -> Result<Value, Fault> + Send + 'static,
) -> Front {
    front(None, move |request| match request {
        Request::Overview => Some(Answer::Overview(Overview {
            identifier: "supervisor".into(),
            processes: programs.lock().unwrap().clone(),
        })),
        Request::Method { name, .. } => Some(match methods(name) {
            Ok(value) => Answer::Value(value),
            Err(fault) => Answer::Fault(fault),
        }),
        Request::LogPath { .. } => None,
    })
}

fn some() -> Arc<Mutex<Vec<ProcessOverview>>> {
    Arc::new(Mutex::new(vec![
        program("cat", "cat", ProcessState::Running, "pid 1, uptime 0:00:01"),
        program("g", "<i>", ProcessState::Fatal, "<b>bad</b> & worse"),
    ]))
}

fn true_() -> Result<Value, Fault> {
    Ok(Value::Bool(true))
}

#[test]
fn the_page_shows_every_program_and_no_markup_of_theirs() {
    let front = with_programs(some(), |_| true_());
    let page = front.ask("GET", "/?message=%3Cb%3Ehi%3C/b%3E", &[], "");
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("Content-Type", "text/html;charset=utf-8"),
        ("Cache-Control", "no-cache"),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{page:?}");
    }
    assert!(page.header("Content-Security-Policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    for words in [
        "<title>Supervisor Status</title>",
        "<a href=\"tail.html?processname=cat\">cat</a>",
        "href=\"index.html?processname=cat&amp;action=restart\">Restart</a>",
        "href=\"tail.html?processname=g%3A%3Ci%3E\">g:&lt;i&gt;</a>",
        "&lt;b&gt;bad&lt;/b&gt; &amp; worse",
        "&lt;b&gt;hi&lt;/b&gt;",
        "<span>4.3.0</span>",
    ] {
        assert!(page.body.contains(words), "{words} in {}", page.body);
    }
    assert!(!page.body.contains("<b>") && !page.body.contains("<i>"));
    let outside = ["http://", "https://", "href=\"/", "src=\"/", "action=\"/"];
    assert!(!outside.iter().any(|address| page.body.contains(address)), "an address is not relative");
}

#[test]
fn an_action_redirects_to_a_message_as_in_the_reference() {
    let mut states = 0;
    let front = with_programs(some(), move |method| match method {
        "supervisor.startProcess" => {
            states += 1;
            match states {
                1 => true_(),
                2 => Err(Fault::about(FaultCode::AlreadyStarted, "cat")),
                _ => Err(Fault::about(FaultCode::BadName, "cat")),
            }
        }
        "supervisor.stopProcess" => Err(Fault::about(FaultCode::NotRunning, "cat")),
        _ => true_(),
    });
    for (query, message) in [
        ("processname=cat&action=start", "Process%20cat%20started"),
        ("processname=cat&action=start", "ERROR%3A%20Process%20cat%3A%20already%20started"),
        ("processname=cat&action=start", "No%20such%20process%20named%20cat"),
        ("processname=cat&action=stop", "unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20cat"),
        ("processname=g:*&action=start", "No%20such%20process%20named%20g%3A%2A"),
        ("processname=cat&action=clearlog", "Log%20for%20cat%20cleared"),
    ] {
        let reply = front.ask("GET", &format!("/index.html?{query}"), &["Host: localhost"], "");
        let place = format!("http://localhost/?message={message}");
        assert_eq!((reply.status, reply.header("Location")), (301, Some(place.as_str())), "{query}");
    }
    let reply = front.ask("POST", "/", &["Host: box:80"], "action=refresh");
    assert!(
        reply.header("Location").is_some_and(|place| place.starts_with("http://box/?message=Page%20refreshed%20at%20"))
    );
    for query in ["action=nosuch", "action=start"] {
        assert_eq!(front.ask("GET", &format!("/index.html?{query}"), &[], "").status, 400, "{query}");
    }
}

#[test]
fn our_page_gets_its_message_without_leaving() {
    let front = with_programs(some(), |_| true_());
    let json = front.ask("POST", "/index.html", &["Accept: application/json"], "processname=cat&action=start");
    assert_eq!((json.status, json.body.as_str()), (200, r#"{"failed":false,"message":"Process cat started"}"#));
    let form = front.ask("POST", "/index.html", &[], "page=1&group=g&action=stop");
    assert_eq!((form.status, form.header("Location")), (303, Some("./?message=Group%20g%20stopped")));
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let front = with_programs(some(), |_| panic!("an action was done"));
    for header in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Referer: http://evil.example/"] {
        for (method, target, body) in [("GET", "/?action=stopall", ""), ("POST", "/index.html", "action=stopall")] {
            assert_eq!(front.ask(method, target, &[header], body).status, 403, "{method} {header}");
        }
    }
    // A browser that tells nothing is asked once more.
    let asked = front.ask("GET", "/?action=stopall", &["User-Agent: Mozilla/5.0"], "");
    assert!(asked.status == 200 && asked.body.contains("Stop all programs?"), "{asked:?}");
}

#[test]
fn a_browser_that_leaves_during_restartall_leaves_nothing_stopped() {
    let called = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&called);
    let front = with_programs(some(), move |method| {
        seen.lock().unwrap().push(method.to_owned());
        // The browser leaves while the programs stop.
        std::thread::sleep(std::time::Duration::from_millis(100));
        Ok(Value::Array(Vec::new()))
    });
    let mut wire = front.unix();
    wire.send("GET /?action=restartall HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(until(|| !called.lock().unwrap().is_empty()));
    drop(wire);
    assert!(until(|| called.lock().unwrap().len() == 2));
    assert_eq!(*called.lock().unwrap(), ["supervisor.stopAllProcesses", "supervisor.startAllProcesses"]);
}

#[test]
fn the_tail_page_shows_a_log_as_text() {
    let front = with_programs(some(), |_| Ok(Value::from("<b>&\nend\n")));
    let page = front.ask("GET", "/tail.html?processname=g:x&limit=10", &[], "");
    assert!(page.body.contains("<title>Supervisor tail of process g:x</title>"), "{page:?}");
    assert!(page.body.contains("<pre>&lt;b&gt;&amp;\nend\n</pre>"), "{page:?}");
    assert!(page.body.contains("href=\"tail.html?processname=g%3Ax&amp;limit=1024\""), "{page:?}");
    assert_eq!(front.call(), "supervisor.readProcessStdoutLog[Str(\"g:x\"), Int(-1024), Int(0)]");
    assert!(front.ask("GET", "/tail.html", &[], "").body.contains("<pre>No process name found</pre>"));
    assert_eq!(front.ask("GET", "/ok.html", &[], "").body, "OK");
}

#[test]
fn viewers_are_sent_the_whole_and_then_what_changes_and_control_is_asked_for_all_of_them_together() {
    let programs = some();
    let front = with_programs(Arc::clone(&programs), |_| true_());
    let mut wires: Vec<_> = (0..3)
        .map(|_| {
            let mut wire = front.tcp();
            wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert!(wire.head().contains("Content-Type: text/event-stream"));
            let whole = wire.chunks_until("\n\n");
            assert!(whole.starts_with("event: all\ndata: {") && whole.contains(r#""name":"cat""#), "{whole}");
            wire
        })
        .collect();
    programs.lock().unwrap().remove(1);
    if let Some(cat) = programs.lock().unwrap().first_mut() {
        cat.state = ProcessState::Stopped;
        cat.pid = None;
    }
    for wire in &mut wires {
        let change = wire.chunks_until("STOPPED");
        assert!(change.contains("event: some") && change.contains(r#""gone":["g:<i>"]"#), "{change}");
    }
    let asked = std::iter::from_fn(|| front.try_call()).count();
    assert!(asked <= 4, "control was asked {asked} times by three viewers");
    drop(wires);
}

#[test]
fn nobody_is_asked_while_nobody_looks() {
    let front = with_programs(some(), |_| true_());
    let mut wire = front.tcp();
    wire.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    wire.head();
    wire.chunks_until("\n\n");
    drop(wire);
    // One more question may be on its way; after it there is silence.
    let mut quiet = 0;
    assert!(until(|| {
        quiet = if front.try_call().is_some() { 0 } else { quiet + 1 };
        quiet > 300
    }));
}
