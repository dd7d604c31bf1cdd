//! Requests that nobody honest sends: too long, too deep, ill-formed, and names that reach for what is no method.

use std::time::{Duration, Instant};

use super::harness::Daemon;
use super::wire::{call, exchange, free_port, get, post, status, tcp, unix};

fn start() -> (Daemon, u16) {
    let port = free_port();
    let config = format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n[program:cat]\ncommand=/bin/sh -c 'echo \"<script>alert(1)</script>\"; exec cat'\n\
         stdout_logfile=<DIR>/a$(id)<b>;'x'.log\n"
    );
    (Daemon::start(&config), port)
}

fn still_answers(daemon: &Daemon) {
    assert!(daemon.rpc("supervisor.getState").contains("RUNNING"));
}

#[test]
fn what_is_too_long_is_refused_with_its_status() {
    let (daemon, port) = start();
    let long = "x".repeat(64 * 1024);
    let many: String = (0..2000).map(|number| format!("X-{number}: y\r\n")).collect();
    let huge = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 70000000\r\n\r\n";
    let endless = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n";
    for (request, expected) in [
        (get("/", &format!("X-Long: {long}\r\n")), &[431][..]),
        (get("/", &many), &[431]),
        (get(&format!("/{long}"), ""), &[414, 431]),
        (huge.into(), &[413]),
        (endless.into(), &[400, 413]),
    ] {
        let begin = String::from_utf8_lossy(&request[..30]).into_owned();
        let found = status(&exchange(tcp(port), &request));
        assert!(expected.contains(&found), "{begin:?}: {found}");
    }
    still_answers(&daemon);
}

#[test]
fn xml_that_is_a_bomb_costs_nothing() {
    let (daemon, port) = start();
    let entities: String =
        (1..10).map(|level| format!("<!ENTITY e{level} \"{}\">", format!("&e{};", level - 1).repeat(10))).collect();
    let laughs =
        format!("<!DOCTYPE x [<!ENTITY e0 \"ha\">{entities}]><methodCall><methodName>&e9;</methodName></methodCall>");
    let outside =
        "<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><methodCall><methodName>&f;</methodName></methodCall>";
    let deep = format!(
        "<methodCall><methodName>supervisor.getState</methodName><params><param>{}{}</param></params></methodCall>",
        "<value><array><data>".repeat(100_000),
        "</data></array></value>".repeat(100_000)
    );
    let elements = "<a>".repeat(300_000);
    let begun = Instant::now();
    for body in [laughs.as_str(), outside, &deep, &elements] {
        let answer = exchange(tcp(port), &post(body, ""));
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(!answer.contains("root:"));
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    still_answers(&daemon);
}

const NAMES: &[&str] = &[
    "supervisor.supervisord.options.warnings.linecache.os.system",
    "supervisor.supervisord.options.execve",
    "supervisor.__class__",
    "supervisor.__init__",
    "supervisor._update",
    "supervisor.getState.__call__",
    "supervisor..getState",
    "supervisor.getState.",
    ".supervisor.getState",
    "supervisor.getState ",
    "SUPERVISOR.GETSTATE",
    "supervisor.get\u{0}State",
    "system.namespaces",
    "system.__dict__",
    "supervisor",
    "system.multicall.x",
    "../supervisor.getState",
    "os.system",
    "",
];

/// CVE-2017-11610: a name was looked up in Python objects, attribute by attribute.
#[test]
fn a_name_that_is_no_row_of_the_table_is_an_unknown_method() {
    let (daemon, port) = start();
    let long = format!("supervisor.{}", "a.".repeat(200_000));
    let witness = daemon.path("witness");
    let command = format!("<param><value>touch {}</value></param>", witness.display());
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        let answer = exchange(tcp(port), &call(name, &command, ""));
        let shown: String = name.chars().take(60).collect();
        // What is no XML character, or no name at all, is a bad request.
        let unknown = status(&answer) == 200
            && answer.contains("<int>1</int>")
            && answer.contains("<string>UNKNOWN_METHOD</string>");
        assert!(unknown || status(&answer) == 400, "{shown:?}: {answer}");
        if name.is_ascii() && !name.is_empty() && !name.contains('\0') && name.trim() == name {
            assert!(unknown, "{shown:?}: {answer}");
        }
        let many = format!(
            "<param><value><array><data><value><struct><member><name>methodName</name><value>{name}</value></member>\
             <member><name>params</name><value><array><data/></array></value></member></struct></value></data></array></value></param>"
        );
        let answer = exchange(tcp(port), &call("system.multicall", &many, ""));
        assert!(status(&answer) == 400 || answer.contains("faultCode"), "{shown:?}: {answer}");
    }
    assert!(!witness.exists());
    still_answers(&daemon);
}

#[test]
fn addresses_and_names_lead_to_no_other_file() {
    let (daemon, port) = start();
    daemon.wait_state("cat", "RUNNING");
    let up = "../../../../../../../../etc/passwd";
    let coded = "%2e%2e%2f".repeat(8);
    for target in [
        format!("/{up}"),
        format!("/stylesheets/{up}"),
        format!("/images/{coded}etc/passwd"),
        "/images/..%5c..%5cetc/passwd".to_owned(),
        "//etc/passwd".to_owned(),
        "/stylesheets//etc/passwd".to_owned(),
        format!("/logtail/{up}"),
        format!("/logtail/{coded}etc%2fpasswd/stdout"),
        format!("/mainlogtail/{up}"),
        format!("/tail.html?processname={up}"),
        format!("/tail.html?processname={coded}etc%2fpasswd"),
        format!("/logtail/cat/{up}"),
        "/images/icon.png%00.css".to_owned(),
    ] {
        let mut stream = tcp(port);
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        std::io::Write::write_all(&mut stream, &get(&target, "")).unwrap();
        // A tail that were begun would not end by itself.
        let answer = exchange(stream, b"");
        assert!(!answer.contains("root:") && status(&answer) > 0, "{target}: {answer}");
    }
    let name = format!("<param><value>{up}</value></param><param><int>0</int></param><param><int>0</int></param>")
        .replace("<param><int>", "<param><value><int>")
        .replace("</int></param>", "</int></value></param>");
    let answer = exchange(tcp(port), &call("supervisor.readProcessStdoutLog", &name, ""));
    assert!(answer.contains("BAD_NAME") && !answer.contains("root:"), "{answer}");
    // The log's own name holds what a shell or a page would act on; it is a file name and nothing else.
    let page = exchange(tcp(port), &get("/tail.html?processname=cat", ""));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script>alert"), "{page}");
    assert!(daemon.read("a$(id)<b>;'x'.log").contains("alert(1)"));
}

#[test]
fn requests_that_contradict_themselves_or_hold_zero_bytes_are_refused() {
    let (daemon, port) = start();
    let good = call("supervisor.getState", "", "");
    for (request, what) in [
        (&b"GET / HTTP/1.1\r\nHost: x\0y\r\nConnection: close\r\n\r\n"[..], "a zero byte in a header"),
        (b"GET /\0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a zero byte in the address"),
        (b"POST /RPC2 HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "two lengths"),
        (b"POST /RPC2 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "a negative length"),
        (b"POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunks that are none"),
        (b"GET / HTTP/1.1\nHost : x\n\n", "a blank in a header's name"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
        (b"\0\0\0\0\0\0\0\0\r\n\r\n", "zero bytes"),
    ] {
        let answer = exchange(tcp(port), request);
        assert!(matches!(status(&answer), 0 | 400..=499), "{what}: {answer}");
        assert!(!answer.contains("200 OK"), "{what}: {answer}");
    }
    let zero = exchange(unix(&daemon.path("s.sock")), &post("<methodCall>\0</methodCall>", ""));
    assert_eq!(status(&zero), 400);
    assert!(exchange(tcp(port), &good).contains("RUNNING"));
}

#[test]
fn requests_sent_at_once_are_answered_in_order_and_stop_at_the_first_that_is_broken() {
    let (daemon, port) = start();
    let one = |number: u32| {
        let body = format!("<methodCall><methodName>no.such{number}</methodName></methodCall>");
        format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let all: String = (0..50).map(one).collect();
    let end = call("supervisor.getState", "", "");
    let answer = exchange(tcp(port), &[all.as_bytes(), &end].concat());
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 51);
    assert!(answer.rfind("UNKNOWN_METHOD") < answer.find("RUNNING"));
    // What follows a broken request is not taken for a request of its own.
    let smuggled = [one(0).as_bytes(), b"GARBAGE\r\n\r\n", &end].concat();
    let answer = exchange(tcp(port), &smuggled);
    assert!(answer.contains("400 Bad Request") && !answer.contains("RUNNING"), "{answer}");
    still_answers(&daemon);
}
