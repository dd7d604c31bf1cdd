//! A small world around a listener: events fed by hand, a fake daemon, a fake sendmail, and servers on 127.0.0.1.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use listeners::stage::Stage;
use model::state::ProcessState;
use model::value::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use wire::xmlrpc::{decode_call, encode_fault, encode_response};

/// What a program did.
#[derive(Debug)]
pub struct Played {
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// Run a program on these events, after which the daemon closes its side.
pub fn play(
    program: &'static str,
    run: impl FnOnce(&mut Stage) -> u8,
    arguments: &[&str],
    environment: &[(&str, &str)],
    events: &str,
) -> Played {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut stage = Stage {
        program,
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        environment: environment.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
        input: &mut events.as_bytes(),
        output: &mut out,
        errors: &mut err,
    };
    let status = run(&mut stage);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Played { status, out: text(out), err: text(err) }
}

/// What a listener says to so many events, from its start until the daemon has gone.
pub fn conversation(events: usize) -> String {
    "READY\nRESULT 2\nOK".repeat(events) + "READY\n"
}

pub fn event(name: &str, payload: &str) -> String {
    let length = payload.chars().count();
    format!("ver:3.0 server:supervisor serial:1 pool:p poolserial:1 eventname:{name} len:{length}\n{payload}")
}

pub fn tick() -> String {
    event("TICK_60", "when:1200000000")
}

pub fn exited(group: &str, name: &str, expected: u8) -> String {
    let payload = format!("processname:{name} groupname:{group} from_state:RUNNING expected:{expected} pid:4711");
    event("PROCESS_STATE_EXITED", &payload)
}

/// A sendmail that keeps its mails.
pub struct Sendmail {
    folder: tempfile::TempDir,
    pub command: String,
}

impl Sendmail {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sendmail");
        let mails = folder.path().join("mails").display().to_string();
        fs::write(&path, format!("#!/bin/sh\n{{ cat; printf '\\0'; }} >> {mails}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { command: path.display().to_string(), folder }
    }

    pub fn mails(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default();
        text.split_terminator('\0').map(str::to_owned).collect()
    }
}

/// A process of the fake daemon.
#[derive(Clone, Debug)]
pub struct Process {
    pub group: &'static str,
    pub name: &'static str,
    pub state: ProcessState,
    pub pid: u32,
}

pub fn running(group: &'static str, name: &'static str) -> Process {
    Process { group, name, state: ProcessState::Running, pid: std::process::id() }
}

/// A daemon that knows a few processes and the calls made for them.
pub struct Daemon {
    _folder: tempfile::TempDir,
    pub url: String,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// `refused`: the calls that get a fault, as `stopProcess web`.
    pub fn new(processes: Vec<Process>, refused: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (_, body) = request(&mut stream);
                let call = decode_call(&body).unwrap();
                let method = call.method.trim_start_matches("supervisor.").to_owned();
                let name = call.params.first().and_then(Value::as_str).unwrap_or_default().to_owned();
                let line = format!("{method} {name}").trim_end().to_owned();
                let answer = match refused.contains(&line.as_str()) {
                    true => encode_fault(70, &format!("NOT_RUNNING: {name}")),
                    false => encode_response(&answer(&method, &name, &processes)),
                };
                seen.lock().unwrap().push(line);
                respond(&mut stream, "200 OK", &answer);
            }
        });
        Self { url: format!("unix://{}", path.display()), calls, _folder: folder }
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    pub fn environment(&self) -> [(&str, &str); 1] {
        [("SUPERVISOR_SERVER_URL", &self.url)]
    }
}

fn answer(method: &str, name: &str, processes: &[Process]) -> Value {
    let full = |process: &Process| format!("{}:{}", process.group, process.name);
    match method {
        "getAllProcessInfo" => Value::Array(processes.iter().map(info).collect()),
        "getProcessInfo" => info(processes.iter().find(|process| full(process) == name).unwrap()),
        _ => Value::Bool(true),
    }
}

fn info(process: &Process) -> Value {
    let number = |value: i64| Value::Int(value);
    Value::Struct(vec![
        ("name".into(), process.name.into()),
        ("group".into(), process.group.into()),
        ("state".into(), number(process.state.code())),
        ("pid".into(), number(process.pid.into())),
        ("start".into(), number(1_200_000_000)),
        ("now".into(), number(1_200_000_100)),
    ])
}

/// Serve connections on 127.0.0.1, one after another; the port.
pub fn server(handle: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(handle));
    port
}

/// One HTTP request: its head and its body.
pub fn request(stream: &mut impl Read) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head:?}");
    }
    let lower = head.to_lowercase();
    let length = lower.split_once("content-length: ").map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap());
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

pub fn respond(stream: &mut impl Write, status: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
    let _ = stream.flush();
}

/// A mail server: what clients said, a line each, the mail's text among them.
#[derive(Default)]
pub struct Mailbox {
    /// Lines that are answered otherwise than 250.
    pub answers: &'static [(&'static str, &'static str)],
    pub said: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    /// Serve; `host:port`.
    pub fn open(answers: &'static [(&'static str, &'static str)]) -> (String, Arc<Mutex<Vec<String>>>) {
        let mailbox = Self { answers, said: Arc::default() };
        let said = Arc::clone(&mailbox.said);
        (format!("127.0.0.1:{}", server(move |stream| mailbox.talk(stream))), said)
    }

    fn talk(&self, stream: TcpStream) {
        (&stream).write_all(b"220 mailbox\r\n").unwrap();
        if self.dialogue(&mut BufReader::new(&stream), &mut &stream) {
            let mut secret = BufReader::new(tls(stream));
            // One buffered stream for both ways: the reader lends its stream for answers.
            self.dialogue_over(&mut secret);
        }
    }

    /// True if the client wants TLS.
    fn dialogue(&self, reader: &mut impl BufRead, writer: &mut impl Write) -> bool {
        loop {
            let Some(line) = self.line(reader) else { return false };
            let answer = self.answer(&line);
            let _ = writer.write_all(answer.as_bytes());
            if line == "STARTTLS" {
                return true;
            }
        }
    }

    fn dialogue_over(&self, stream: &mut BufReader<impl Read + Write>) {
        while let Some(line) = self.line(stream) {
            let answer = self.answer(&line);
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    }

    fn line(&self, reader: &mut impl BufRead) -> Option<String> {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
        let line = line.trim_end().to_owned();
        self.said.lock().unwrap().push(line.clone());
        Some(line)
    }

    fn answer(&self, line: &str) -> String {
        let inside = {
            let said = self.said.lock().unwrap();
            let data = said.iter().rposition(|line| line == "DATA");
            let end = said.iter().rposition(|line| line == ".");
            data > end && line != "DATA"
        };
        if inside {
            return String::new();
        }
        let fixed = self.answers.iter().find(|(start, _)| line.starts_with(start));
        let usual = match line {
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "STARTTLS" => "220 go on",
            _ => "250 ok",
        };
        format!("{}\r\n", fixed.map_or(usual, |(_, answer)| answer))
    }
}

/// TLS over a connection, with a certificate of somebody else that nobody has signed.
pub fn tls(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    const CERTIFICATE: &str = concat!(
        "MIIBhjCCAS2gAwIBAgIUDSOeEToT9LmY4ByRKp/gQ9hAv7IwCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNc29tZWJvZHkuZWxzZTAgFw0yNjEx",
        "MjMwMzI4NDFaGA8yMTI2MTAzMDAzMjg0MVowGDEWMBQGA1UEAwwNc29tZWJvZHkuZWxzZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNGD",
        "2fyEgA9X1dnfKHd8ySsvERUmg6WLR+JaknT+VJDwWoJs7gM8zepaXUiPq3g5k2ibAGpZsAxtUozq94x5faCjUzBRMB0GA1UdDgQWBBQwsVOa",
        "skzUsMkwfUA0+vRxjtmmWDAfBgNVHSMEGDAWgBQwsVOaskzUsMkwfUA0+vRxjtmmWDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA",
        "MEQCIEwDJeHsqU/Ak4yoq7FAB2w7IPYPLhflfoNz10jcsjmiAiAJteh8+78BKfCqXWfdOBwhvEhF3iELmxxHddYosGWJVA=="
    );
    const KEY: &str = concat!(
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbKBI8vNiK8thF2fbiFAQdAG9jyEMr61U8G0+Hc32tkehRANCAATRg9n8hIAP",
        "V9XZ3yh3fMkrLxEVJoOli0fiWpJ0/lSQ8FqCbO4DPM3qWl1Ij6t4OZNomwBqWbAMbVKM6veMeX2g"
    );
    let bytes = |text: &str| STANDARD.decode(text).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(bytes(CERTIFICATE))],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes(KEY))),
        )
        .unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}
