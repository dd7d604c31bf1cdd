//! A supervisord that says what a test wants: XML-RPC and log streams on a unix socket, every call written down.
//!
//! Deliberately absent: supervision; the real daemon has its own chapters.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use model::{Fault, FaultCode, Value};
use wire::xmlrpc::{decode_call, encode_fault, encode_response};

/// What a method answers.
pub type Answer = Result<Value, Fault>;
type Handler = dyn Fn(&str, &[Value]) -> Answer + Send + Sync;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `startProcess(web)` or `GET /logtail/web/stdout`.
    pub what: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

struct Shared {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
    /// Statuses to answer with before the handler is asked.
    statuses: Mutex<VecDeque<u16>>,
    /// End the connection after each answer without saying so before.
    hang_up: bool,
}

/// A server in a folder of its own.
pub struct Server {
    pub dir: tempfile::TempDir,
    shared: Arc<Shared>,
}

impl Server {
    /// Answers with `handler`, which gets methods without `supervisor.`.
    pub fn start(handler: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static) -> Self {
        Self::begin(handler, Vec::new(), false)
    }

    /// Answers these HTTP statuses first.
    pub fn refusing(statuses: Vec<u16>, handler: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static) -> Self {
        Self::begin(handler, statuses, false)
    }

    /// Closes each connection after one answer.
    pub fn hanging_up(handler: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static) -> Self {
        Self::begin(handler, Vec::new(), true)
    }

    fn begin(
        handler: impl Fn(&str, &[Value]) -> Answer + Send + Sync + 'static,
        statuses: Vec<u16>,
        hang_up: bool,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s.sock")).unwrap();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            seen: Mutex::default(),
            statuses: Mutex::new(statuses.into()),
            hang_up,
        });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&theirs);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { dir, shared }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join("s.sock").display())
    }

    /// What was asked for, `getVersion` left out.
    pub fn calls(&self) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().map(|seen| seen.what.clone()).filter(|what| what != "getVersion()").collect()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// supervisorctl, talking to this server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ctl(&["-s", &self.url()]);
        command.args(arguments).current_dir(self.dir.path());
        command
    }

    /// Its exit status, stdout and stderr.
    pub fn ctl(&self, arguments: &[&str]) -> (i32, String, String) {
        ended(self.command(arguments).output().unwrap())
    }
}

/// supervisorctl without a configuration file.
pub fn ctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_supervisorctl")));
    command.args(arguments);
    command
}

pub fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A fault of the reference.
pub fn fault(code: FaultCode) -> Answer {
    Err(Fault::bare(code))
}

/// What every server answers to what every action asks first.
pub fn version(method: &str) -> Answer {
    match method {
        "getVersion" => Ok(Value::str("3.0")),
        "getSupervisorVersion" => Ok(Value::str("4.3.0")),
        _ => fault(FaultCode::UnknownMethod),
    }
}

/// A struct of texts and numbers.
pub fn record(members: &[(&'static str, Value)]) -> Value {
    Value::Struct(members.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
}

/// A row of `getAllProcessInfo`.
pub fn info(group: &'static str, name: &'static str, state: model::ProcessState) -> Value {
    record(&[
        ("group", group.into()),
        ("name", name.into()),
        ("state", Value::Int(state.code())),
        ("statename", state.name().into()),
        ("description", "since then".into()),
        ("pid", Value::Int(if state.is_running() { 4711 } else { 0 })),
    ])
}

fn serve(stream: &UnixStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some((head, authorization, body)) = request(&mut reader) {
        let words: Vec<&str> = head.split_whitespace().collect();
        let call = decode_call(&body).ok();
        let what = match &call {
            Some(call) => {
                let params: Vec<String> = call.params.iter().map(shown).collect();
                format!("{}({})", call.method.trim_start_matches("supervisor."), params.join(", "))
            }
            None => words[..2].join(" "),
        };
        shared.seen.lock().unwrap().push(Seen { what, authorization });
        let status = shared.statuses.lock().unwrap().pop_front();
        let sent = match (status, call) {
            (Some(status), _) => answer(stream, status, b""),
            (None, None) => return stream_log(stream, words[1]),
            (None, Some(call)) => {
                let method = call.method.trim_start_matches("supervisor.");
                let bytes = match (shared.handler)(method, &call.params) {
                    Ok(value) => encode_response(&value),
                    Err(fault) => encode_fault(fault.code.number(), &fault.text),
                };
                answer(stream, 200, &bytes)
            }
        };
        if sent.is_err() || shared.hang_up {
            return;
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn request(reader: &mut BufReader<&UnixStream>) -> Option<(String, Option<String>, Vec<u8>)> {
    let (mut head, mut authorization, mut length) = (String::new(), None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization = Some(value.into()),
            None if line.trim_end().is_empty() => break,
            None => head = line,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, authorization, body))
}

fn answer(mut stream: &UnixStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// A log that shows its name and then nothing more, or is missing.
fn stream_log(mut stream: &UnixStream, path: &str) {
    let text = match path {
        _ if path.contains("missing") => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => {
            let shown = format!("log of {path}\n");
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{shown}\r\n", shown.len())
        }
    };
    // The stream stays open until the other side has gone.
    if stream.write_all(text.as_bytes()).is_ok() {
        let _ = stream.read(&mut [0; 1]);
    }
}
