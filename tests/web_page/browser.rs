//! A headless Chromium, driven over WebDriver (HTTP and JSON) by chromedriver; screenshots go to `target/screenshots`.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

/// What a test waits for comes within this time, or not at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One browser at a time: several make a small machine so slow that pages are late.
static ONE: Mutex<()> = Mutex::new(());

/// A browser window; closed when dropped.
pub struct Browser {
    _one: MutexGuard<'static, ()>,
    driver: Child,
    port: u16,
    session: String,
}

/// A size and a colour scheme.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

/// An ordinary window.
pub const WIDE: Look = Look { width: 1200, height: 800, dark: false };

impl Browser {
    /// Opens a window; `None`, with the reason printed, where there is no Chromium and the tests are not run by CI.
    pub fn open() -> Option<Self> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs chromedriver: {error}");
                println!("skipped: no chromedriver ({error}); install Debian's chromium and chromium-driver");
                return None;
            }
        };
        let mut browser = Self { _one: one, driver, port, session: String::new() };
        assert!(until(|| TcpStream::connect(("127.0.0.1", port)).is_ok()), "chromedriver does not listen");
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.request("POST", "/session", &wanted)["sessionId"].as_str().map(str::to_owned);
        browser.session = session.expect("a session");
        browser.look(WIDE);
        Some(browser)
    }

    /// Changes the window's size and colours.
    pub fn look(&self, look: Look) {
        let phone = look.width < 500;
        let scale = if phone { 2 } else { 1 };
        let scheme = if look.dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": look.width, "height": look.height, "deviceScaleFactor": scale, "mobile": phone }),
        );
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Goes to an address.
    pub fn visit(&self, address: &str) {
        self.command("POST", "/url", &json!({ "url": address }));
    }

    /// Runs a script's body in the page; what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression of the page is true.
    pub fn wait(&self, expression: &str) {
        let seen = until(|| self.run(&format!("return Boolean({expression})")) == Value::Bool(true));
        assert!(seen, "never true: {expression}\n{}", self.run("return document.body.innerText"));
    }

    /// What the page complained of since the last question, refusals of the content policy included.
    pub fn complaints(&self) -> Vec<String> {
        let lines = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let message = |line: &Value| line["message"].as_str().map(str::to_owned);
        lines.as_array().map(|lines| lines.iter().filter_map(message).collect()).unwrap_or_default()
    }

    /// Keeps what the window shows.
    pub fn screenshot(&self, name: &str) {
        let picture = self.command("GET", "/screenshot", &Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().expect("a picture"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join("screenshots"));
        let folder: PathBuf = folder.expect("a target folder");
        fs::create_dir_all(&folder).expect("a folder for screenshots");
        fs::write(folder.join(format!("{name}.png")), bytes.expect("base64")).expect("a screenshot");
    }

    fn devtools(&self, method: &str, params: &Value) {
        self.command("POST", "/goog/cdp/execute", &json!({ "cmd": method, "params": params }));
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.request(method, &format!("/session/{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let (head, json) = exchange(self.port, method, path, &body).expect("an answer of chromedriver");
        let value: Value = serde_json::from_slice(&json).expect("JSON");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {value}");
        value["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium is a child of its own: killing the driver alone would leave it behind.
        let _ = exchange(self.port, "DELETE", &format!("/session/{}", self.session), "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// One request; the head and the body of its answer. chromedriver keeps connections open, so the body is as long as it says.
fn exchange(port: u16, method: &str, path: &str, body: &str) -> io::Result<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    let lines = format!("Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}");
    write!(stream, "{method} {path} HTTP/1.1\r\n{lines}\r\n\r\n{body}")?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head)? > 0 {}
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// A port of this machine that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Waits for a condition.
pub fn until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(25));
    }
    false
}
