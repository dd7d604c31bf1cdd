//! Connections: kept or closed as asked, guarded by passwords, and not held up by those that dawdle.

use std::time::{Duration, Instant};

use model::Level;

use super::support::{front, simple, until};

#[test]
fn a_connection_is_kept_or_closed_as_asked() {
    let front = front(None, simple);
    for (request, keeps) in [
        ("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n", true),
        ("GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n", true),
        ("GET /ok.html HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET /ok.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false),
        ("GET /ok.html HTTP/1.0\r\n\r\n", false),
    ] {
        let mut wire = front.tcp();
        wire.send(request);
        assert!(wire.reply("GET").status > 0);
        if keeps {
            wire.send(request);
            assert!(wire.reply("GET").status > 0, "{request}");
        } else {
            assert!(wire.ends(), "{request}");
        }
    }
}

#[test]
fn a_password_guards_every_page() {
    let front = front(Some(("user", "pass")), simple);
    let right = "Authorization: Basic dXNlcjpwYXNz"; // user:pass
    for target in ["/", "/RPC2", "/logtail/x", "/mainlogtail", "/images/icon.png", "/nosuch"] {
        let reply = front.ask("GET", target, &[], "");
        assert_eq!(
            (reply.status, reply.header("WWW-Authenticate")),
            (401, Some("Basic realm=\"default\"")),
            "{target}"
        );
    }
    assert_eq!(front.ask("GET", "/images/icon.png", &[right], "").status, 200);
    assert_eq!(front.ask("GET", "/images/icon.png", &["Authorization: basic dXNlcjpwYXNz"], "").status, 200);
    for (wrong, status) in [("Digest x", 401), ("Basic", 401), ("Basic dXNlcjp4", 401), ("Basic ?", 400)] {
        assert_eq!(
            front.ask("GET", "/images/icon.png", &[&format!("Authorization: {wrong}")], "").status,
            status,
            "{wrong}"
        );
    }
}

#[test]
fn who_guesses_waits_and_nobody_else_does() {
    let front = front(Some(("user", "pass")), simple);
    let guess = || front.ask("GET", "/images/icon.png", &["Authorization: Basic dXNlcjp4"], "").status;
    for _ in 0..6 {
        assert_eq!(guess(), 401);
    }
    let begun = Instant::now();
    assert_eq!(guess(), 401);
    assert!(begun.elapsed() >= Duration::from_millis(150), "the seventh guess costs nothing");
    for _ in 0..2 {
        guess();
    }
    // The tenth waits for more than a second; a user of the unix socket is another address and does not.
    let begun = Instant::now();
    let mut tenth = front.tcp();
    tenth.send("GET /images/icon.png HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dXNlcjp4\r\n\r\n");
    let mut wire = front.unix();
    wire.send("GET /images/icon.png HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n");
    assert_eq!(wire.reply("HEAD").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(tenth.reply("GET").status, 401);
    assert!(begun.elapsed() > Duration::from_secs(1));
}

#[test]
fn five_hundred_clients_that_dawdle_hold_nobody_up() {
    let front = front(None, simple);
    let slow: Vec<_> = (0..500)
        .map(|_| {
            let mut wire = front.tcp();
            wire.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nX-Slow");
            wire
        })
        .collect();
    let mut wire = front.unix();
    wire.call("supervisor.getState", "");
    assert_eq!(wire.reply("POST").status, 200);
    let begun = Instant::now();
    let mut wire = front.unix();
    wire.call("supervisor.getState", "");
    assert_eq!(wire.reply("POST").status, 200);
    // A slow client would be waited for thirty seconds.
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(slow);
}

#[test]
fn a_body_that_nobody_wants_is_read_so_that_the_answer_arrives() {
    let front = front(None, simple);
    let mut wire = front.tcp();
    wire.send(&format!("POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n{}", "x".repeat(300_000)));
    assert_eq!(wire.reply("POST").status, 400);
    wire.send("GET /images/icon.png HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(wire.reply("HEAD").status, 200);
    let mut wire = front.tcp();
    wire.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(wire.reply("POST").status, 413);
}

#[test]
fn a_head_without_end_or_sense_is_refused() {
    let front = front(None, simple);
    let mut wire = front.tcp();
    wire.send(&format!("GET /ok.html HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(40_000)));
    // The answer may be lost with what the client still writes.
    assert!(matches!(wire.reply("GET").status, 431 | 0));
    for junk in
        ["junk\r\n\r\n", "GET /ok.html HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"]
    {
        let mut wire = front.unix();
        wire.send(junk);
        assert_eq!(wire.reply("GET").status, 400, "{junk}");
        assert!(wire.ends());
    }
}

#[test]
fn static_files_are_served_with_their_age() {
    let front = front(None, simple);
    let reply = front.ask("HEAD", "/images/icon.png", &[], "");
    assert_eq!((reply.status, reply.header("Content-Type")), (200, Some("image/png")));
    let modified = reply.header("Last-Modified").unwrap().to_owned();
    let unchanged = front.ask("GET", "/stylesheets/supervisor.css", &[&format!("If-Modified-Since: {modified}")], "");
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    for path in ["/images/", "/images/../mod.rs", "/%2e%2e/mod.rs", "//etc/passwd", "/images/%2fetc/passwd", "/%00"] {
        assert_eq!(front.ask("GET", path, &[], "").status, 404, "{path}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(front.ask(method, "/images/icon.png", &[], "").status, 400, "{method}");
    }
    assert!(front.logged(Level::Trace, "\"HEAD /images/icon.png HTTP/1.1\" 200 "));
}

#[test]
fn a_name_that_was_bent_to_loopback_is_refused_where_no_password_is_asked() {
    let open = front(None, simple);
    assert_eq!(open.ask("GET", "/images/icon.png", &["Host: evil.example:9001"], "").status, 403);
    assert_eq!(open.ask("GET", "/images/icon.png", &["Host: localhost:9001"], "").status, 200);
    let mut wire = open.unix();
    wire.send("GET /images/icon.png HTTP/1.1\r\nHost: proxied.example\r\n\r\n");
    assert_eq!(wire.reply("HEAD").status, 200);
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let mut first = front(None, simple);
    let path = first.path("s.sock");
    let server = config::types::ServerConfig {
        section: "unix_http_server".into(),
        address: config::types::ServerAddress::Unix { file: path.clone(), chmod: 0o700, chown: None },
        credentials: None,
        allow_users: Vec::new(),
    };
    let servers = [server];
    let bind = || daemon::front::bind(&servers, &["supervisor".into()], &mut |_, _| {});
    assert!(bind().unwrap_err().to_string().starts_with("Another program is already listening on a port"));
    first.stop();
    // Bound and never served: as if its daemon had been killed.
    drop(bind().unwrap());
    assert!(path.exists());
    drop(bind().unwrap());
    std::fs::remove_file(&path).unwrap();
    // A child of a killed daemon that has not come to its exec: it holds the socket a moment longer.
    let holder = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let last = std::thread::spawn(move || drop(holder.accept()));
    drop(bind().unwrap());
    last.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert!(bind().unwrap_err().to_string().contains("is not a socket"));
    assert!(until(|| std::fs::read_to_string(&path).unwrap() == "precious"));
}
