//! A front with a scripted control behind it, and a client that writes its requests byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use config::types::{ServerAddress, ServerConfig};
use daemon::front::{self, ClientEvent, FrontHandle, FrontSettings, Handed};
use daemon::mailbox;
use engine::{Answer, CallId, Request};
use model::{Fault, FaultCode, Level, Value};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;

/// What a test waits for comes within this time, or not at all.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the scripted control does with a request; `None` keeps it waiting until the client goes.
pub type Script = dyn FnMut(&Request) -> Option<Answer> + Send;

/// A running front.
pub struct Front {
    pub dir: tempfile::TempDir,
    pub tcp: SocketAddr,
    handle: Option<FrontHandle>,
    calls: mpsc::Receiver<String>,
    hung_up: mpsc::Receiver<CallId>,
    log: Arc<Mutex<Vec<(Level, String)>>>,
    sender: mailbox::Sender<ClientEvent>,
    desk: Arc<Mutex<Desk>>,
}

/// The clients of the scripted control.
#[derive(Default)]
struct Desk {
    waiting: Vec<(CallId, Option<oneshot::Sender<Answer>>)>,
    /// Given before the client of a front that followed another has asked.
    early: Vec<(CallId, Answer)>,
    paused: bool,
}

/// Starts a front on a unix socket (`s.sock`) and a TCP port, both with the same credentials.
pub fn front(
    credentials: Option<(&str, &str)>,
    script: impl FnMut(&Request) -> Option<Answer> + Send + 'static,
) -> Front {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let credentials = credentials.map(|(name, password)| (name.to_owned(), password.to_owned()));
    let server = |section: &str, address| ServerConfig {
        section: section.to_owned(),
        address,
        credentials: credentials.clone(),
        allow_users: Vec::new(),
    };
    let servers = [
        server("inet_http_server", ServerAddress::Tcp { host: "127.0.0.1".into(), port }),
        server("unix_http_server", ServerAddress::Unix { file: dir.path().join("s.sock"), chmod: 0o700, chown: None }),
    ];
    let log = Arc::new(Mutex::new(Vec::new()));
    let bound = front::bind(&servers, &[], &mut |level, text| log.lock().unwrap().push((level, text))).unwrap();
    let settings = FrontSettings { main_log: Some(dir.path().join("main.log")), loglevel: Level::Trace };
    let (sender, receiver) = mailbox::mailbox().unwrap();
    let (told, calls) = mpsc::channel();
    let (left, hung_up) = mpsc::channel();
    let desk = Arc::new(Mutex::new(Desk::default()));
    let shared = Arc::clone(&desk);
    thread::spawn(move || control(&receiver, Box::new(script), &shared, &told, &left));
    let lines = Arc::clone(&log);
    let note = move |level, text| lines.lock().unwrap().push((level, text));
    let handle = Some(front::start(bound, settings, sender.clone(), note).unwrap());
    Front { dir, tcp: SocketAddr::from(([127, 0, 0, 1], port)), handle, calls, hung_up, log, sender, desk }
}

/// The scripted control: answers until the test has dropped the front.
fn control(
    receiver: &mailbox::Receiver<ClientEvent>,
    mut script: Box<Script>,
    desk: &Mutex<Desk>,
    told: &mpsc::Sender<String>,
    left: &mpsc::Sender<CallId>,
) {
    loop {
        let _ = poll(&mut [PollFd::new(receiver, PollFlags::IN)], None);
        for event in receiver.take() {
            match event {
                ClientEvent::Called { call, request, reply } => {
                    let described = match &request {
                        Request::Method { name, params } => format!("{name}{params:?}"),
                        other => format!("{other:?}"),
                    };
                    match script(&request) {
                        Some(answer) => drop(reply.send(answer)),
                        None => desk.lock().unwrap().waiting.push((call, Some(reply))),
                    }
                    if told.send(described).is_err() {
                        return;
                    }
                }
                ClientEvent::Waits { call, reply } => {
                    let desk = &mut *desk.lock().unwrap();
                    match desk.early.iter().position(|(early, _)| *early == call) {
                        Some(place) => drop(reply.send(desk.early.remove(place).1)),
                        None => desk.waiting.push((call, Some(reply))),
                    }
                }
                ClientEvent::Paused => desk.lock().unwrap().paused = true,
                ClientEvent::HungUp { call } => {
                    desk.lock().unwrap().waiting.retain(|(waits, _)| *waits != call);
                    let _ = left.send(call);
                }
            }
        }
    }
}

/// A control that knows `supervisor.getState` and `supervisor.readLog` of a file, and keeps `supervisor.wait` waiting.
pub fn simple(request: &Request) -> Option<Answer> {
    let Request::Method { name, params } = request else {
        return Some(Answer::Fault(Fault::about(FaultCode::BadName, "x")));
    };
    match name.as_str() {
        "supervisor.getState" => Some(Answer::Value(Value::Struct(vec![("statecode".into(), Value::Int(1))]))),
        "supervisor.echo" => Some(Answer::Value(params.first().cloned().unwrap_or(Value::Nil))),
        "supervisor.wait" => None,
        _ => Some(Answer::Fault(Fault::bare(FaultCode::UnknownMethod))),
    }
}

impl Front {
    /// The next call that control got.
    pub fn call(&self) -> String {
        self.calls.recv_timeout(PATIENCE).expect("a call")
    }

    /// A call that control has got already.
    pub fn try_call(&self) -> Option<String> {
        self.calls.try_recv().ok()
    }

    /// Control answers a call that waits.
    pub fn answer(&self, call: CallId, answer: Answer) {
        let desk = &mut *self.desk.lock().unwrap();
        let found = desk.waiting.iter().position(|(waits, _)| *waits == call);
        match found.and_then(|place| desk.waiting.remove(place).1) {
            Some(reply) => drop(reply.send(answer)),
            None => desk.early.push((call, answer)),
        }
    }

    /// Brings the front to rest and takes everything from it, as an upgrade does.
    pub fn hand_over(&mut self) -> Handed {
        let handle = self.handle.take().unwrap();
        handle.pause();
        assert!(until(|| std::mem::take(&mut self.desk.lock().unwrap().paused)), "it does not come to rest");
        let handed = handle.hand_over().unwrap();
        self.desk.lock().unwrap().waiting.clear();
        handed
    }

    /// Goes on with a new front.
    pub fn try_take_up(&mut self, handed: Handed) -> std::io::Result<()> {
        let settings = FrontSettings { main_log: Some(self.path("main.log")), loglevel: Level::Trace };
        let lines = Arc::clone(&self.log);
        let note = move |level, text| lines.lock().unwrap().push((level, text));
        self.handle = Some(front::take_up(handed, settings, self.sender.clone(), note)?);
        Ok(())
    }

    pub fn take_up(&mut self, handed: Handed) {
        self.try_take_up(handed).unwrap();
    }

    /// Calls whose clients have gone.
    pub fn hung_up_so_far(&self) -> Vec<CallId> {
        self.hung_up.try_iter().collect()
    }

    /// A plain connection to the TCP port.
    pub fn raw(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Waits until control is told that a client has gone.
    pub fn hung_up(&self) -> CallId {
        self.hung_up.recv_timeout(PATIENCE).expect("a client that goes")
    }

    /// Whether a line with these words is in the daemon's log.
    pub fn logged(&self, level: Level, words: &str) -> bool {
        until(|| self.log.lock().unwrap().iter().any(|(at, text)| *at == level && text.contains(words)))
    }

    /// Stops it, as a shutdown does.
    pub fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A connection to the unix socket.
    pub fn unix(&self) -> Wire {
        wire_unix(&self.path("s.sock"))
    }

    /// A connection to the TCP port.
    pub fn tcp(&self) -> Wire {
        wire_tcp(self.tcp)
    }

    /// One request over TCP with these header lines; status, headers, body.
    pub fn ask(&self, method: &str, target: &str, headers: &[&str], body: &str) -> Reply {
        let mut wire = self.tcp();
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.tcp) };
        wire.send(&format!("{method} {target} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}"));
        wire.reply(method)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn wire_tcp(address: SocketAddr) -> Wire {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Wire { stream: Box::new(stream), buffer: Vec::new() }
}

pub fn wire_unix(path: &Path) -> Wire {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Wire { stream: Box::new(stream), buffer: Vec::new() }
}

/// Waits for a condition.
pub fn until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Both ways of a socket.
pub trait Both: Read + Write + Send {}
impl<T: Read + Write + Send> Both for T {}

/// A connection.
pub struct Wire {
    stream: Box<dyn Both>,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// A header's value, by its name as written.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Wire {
    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Sends a POST of a call to /RPC2.
    pub fn call(&mut self, method: &str, params: &str) {
        let body = call(method, params);
        self.send(&format!("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// The next answer to a request with this method.
    pub fn reply(&mut self, method: &str) -> Reply {
        let head = String::from_utf8(self.take(b"\r\n\r\n")).unwrap();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut reply = Reply { status, head, body: String::new() };
        let length: usize = reply.header("Content-Length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if method != "HEAD" && reply.status != 304 {
            reply.body = String::from_utf8_lossy(&self.exactly(length)).into_owned();
        }
        reply
    }

    /// The head of an answer that streams.
    pub fn head(&mut self) -> String {
        String::from_utf8(self.take(b"\r\n\r\n")).unwrap()
    }

    /// The next chunk; empty at the end of the stream.
    pub fn chunk(&mut self) -> String {
        let size = String::from_utf8(self.take(b"\r\n")).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let data = self.exactly(size);
        self.exactly(2);
        String::from_utf8(data).unwrap()
    }

    /// Reads chunks until these words have come; all of the text.
    pub fn chunks_until(&mut self, words: &str) -> String {
        let mut text = String::new();
        while !text.contains(words) {
            let chunk = self.chunk();
            assert!(!chunk.is_empty(), "the stream ends without {words:?}: {text:?}");
            text += &chunk;
        }
        text
    }

    /// Everything up to the end of the stream.
    pub fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.buffer);
        self.stream.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }

    /// Whether the other side has closed the connection.
    pub fn ends(&mut self) -> bool {
        self.buffer.is_empty() && matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }

    fn take(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return self.buffer.drain(..at + end.len()).collect();
            }
            if !self.more() {
                return std::mem::take(&mut self.buffer);
            }
        }
    }

    fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.more() {}
        let count = count.min(self.buffer.len());
        self.buffer.drain(..count).collect()
    }

    fn more(&mut self) -> bool {
        let mut bytes = [0; 65536];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.buffer.extend(&bytes[..count]);
        count > 0
    }
}

/// The body of a call; `params` are `<value>`s.
pub fn call(method: &str, params: &str) -> String {
    format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}
