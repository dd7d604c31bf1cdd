//! HTTP: the whole front, driven over TCP. The first byte says whether the server has a password.
//!
//! What must hold of any bytes: the front answers or closes, and soon; nothing in it panics; without the password no question
//! reaches control; no name or parameter becomes markup or a header. A stream without end is left as soon as it begins.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use config::{Flags, load};
use daemon::front::{self, FrontSettings};
use daemon::mailbox;
use model::Level;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::control::{self, EVIL, Seen};
use crate::host::{MAIN, Machine};

/// Every answer ends within this time once the client has said all that it will say.
const PATIENCE: Duration = Duration::from_secs(8);
/// After so long without a byte, calls that wait are answered.
const PAUSE: Duration = Duration::from_millis(200);
/// Headers of answers without end.
const STREAMS: [&[u8]; 3] = [b"text/event-stream", b"Transfer-Encoding: chunked", b"X-Accel-Buffering: no"];
/// As base64 it has no padding and no spare bits, so that there is one way to write it.
const CREDENTIALS: (&str, &str) = ("user", "secret!");
const SHOWN: &[u8] = b"dXNlcjpzZWNyZXQh";

/// A header that no answer has, unless a client can write into one.
const SMUGGLED: &[u8] = b"\r\nx-evil:";

/// Without a password; with one, for clients that write it; with one, for those that do not: nobody may ask anything there.
static FRONTS: LazyLock<[Server; 3]> =
    LazyLock::new(|| [None, Some(CREDENTIALS), Some(CREDENTIALS)].map(Server::start));
static PANICKED: AtomicBool = AtomicBool::new(false);
static CLIENT: AtomicU32 = AtomicU32::new(0);

pub fn run(data: &[u8]) {
    let Some((first, sent)) = data.split_first() else { return };
    let [open, known, strange] = &*FRONTS;
    let server = match first % 2 {
        0 => open,
        _ if holds(sent, SHOWN) => known,
        _ => strange,
    };
    let said = server.converse(sent);
    assert!(!PANICKED.load(Ordering::SeqCst), "the front panics");
    assert_eq!(strange.seen.asked(), 0, "a question without the password");
    assert!(said.is_empty() || said.starts_with(b"HTTP/1."), "no answer: {:?}", String::from_utf8_lossy(&said));
    let lower = said.to_ascii_lowercase();
    // A stream of events is JSON, in which nothing is markup.
    let is_page = !holds(&lower, b"text/event-stream");
    assert!(!is_page || !holds(&lower, EVIL.as_bytes()), "a name becomes markup");
    let head = lower.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(lower.len());
    assert!(!holds(&lower[..head], SMUGGLED), "a parameter becomes a header");
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

struct Server {
    address: SocketAddr,
    seen: Seen,
}

impl Server {
    fn start(credentials: Option<(&str, &str)>) -> Self {
        watch_for_panics();
        // As the daemon's start does.
        sys::signals::ignore_write_signals();
        // Somebody may take the port in between, and the start then says so.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port();
        let logins = credentials.map(|(name, password)| format!("username={name}\npassword={password}\n"));
        let text = format!("[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\n{}", logins.unwrap_or_default());
        let machine = Machine { main: text.as_bytes(), part: b"" };
        let config = load(&machine, Path::new(MAIN), &Flags::default()).expect("a sound configuration");
        let bound = front::bind(&config.servers, &[], &mut |_, _| {}).expect("the port is free");
        let (sender, receiver) = mailbox::mailbox().expect("a descriptor is left");
        let settings = FrontSettings { main_log: Some(control::log()), loglevel: Level::Trace };
        let handle = front::start(bound, settings, sender, |_, _| {}).expect("a thread is left");
        // It serves as long as the process lives.
        std::mem::forget(handle);
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), seen: control::serve(receiver) }
    }

    /// Says all of this, hangs up its half, and reads to the end, or to the beginning of a stream.
    fn converse(&self, sent: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(PAUSE)).expect("a timeout can be set");
        // A front that has heard enough closes early; what it said before can still be read, or is lost with a reset.
        let _ = stream.write_all(sent).and_then(|()| stream.shutdown(Shutdown::Write));
        let (mut said, mut bytes, began) = (Vec::new(), [0; 65536], Instant::now());
        while began.elapsed() < PATIENCE {
            match stream.read(&mut bytes) {
                Ok(0) => return said,
                Ok(count) => said.extend_from_slice(&bytes[..count]),
                // The fuzzer's own timer.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Perhaps a call waits for its answer.
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.seen.release(),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return said,
                Err(error) => panic!("{error}"),
            }
            if STREAMS.iter().any(|mark| holds(&said, mark)) {
                return said;
            }
        }
        panic!("the front neither answers nor closes, but says {:?}", String::from_utf8_lossy(&said));
    }

    /// Each client has an address of its own: the front slows addresses that guess passwords.
    fn connect(&self) -> TcpStream {
        loop {
            let [_, a, b, c] = CLIENT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let own = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254)), 0));
            let client = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a descriptor is left");
            bind(&client, &own).expect("an address of the loopback network");
            match connect(&client, &self.address) {
                Ok(()) => return client.into(),
                Err(Errno::INTR) => {}
                Err(error) => panic!("the front does not accept: {error}"),
            }
        }
    }
}

/// A panic in a task of the front ends that task alone; here it is to be seen.
fn watch_for_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICKED.store(true, Ordering::SeqCst);
        before(panic);
    }));
}
