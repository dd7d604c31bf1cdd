//! A client that sends what it likes, byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What a test waits for comes within this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// A TCP port that nobody uses.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Both ways of a socket.
pub trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// Connects to a port of this machine.
pub fn tcp(port: u16) -> TcpStream {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects to a socket file.
pub fn unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes and gives all that comes back before the connection ends.
pub fn exchange(mut stream: impl Both, request: &[u8]) -> String {
    // A daemon that has read enough closes while it is written to.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A call as bytes, after which the connection is closed; `headers` are whole lines.
pub fn call(method: &str, params: &str, headers: &str) -> Vec<u8> {
    post(&format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"), headers)
}

/// A body for /RPC2 as bytes.
pub fn post(body: &str, headers: &str) -> Vec<u8> {
    format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A GET as bytes, after which the connection is closed.
pub fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}
