//! The connection to the server: XML-RPC calls and followed logs over one HTTP library.
//!
//! Calls look synchronous; inside, a loop of one thread waits for the answer and, in a shell, for Ctrl-C. One connection is
//! kept while calls follow each other closely. Deliberately absent: time limits, since `start` waits for `startsecs`.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use model::Value;
use model::limits::HTTP_BODY;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wire::xmlrpc::{Response as Answer, decode_response, encode_call};

use crate::address::{Address, resolve};

/// How long an idle connection is used again; any server keeps one for longer.
const IDLE: Duration = Duration::from_secs(2);

/// Why a call has no value.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The method's own fault, shown as Python clients show it.
    #[error("<Fault {code}: {}>", wire::python::repr(.text))]
    Fault {
        /// Its number.
        code: i64,
        /// Its text.
        text: String,
    },
    /// An HTTP status other than 200; 401 asks for credentials.
    #[error("{url}: the server answered {status}")]
    Status {
        /// Of what.
        url: String,
        /// Which.
        status: StatusCode,
    },
    /// No connection.
    #[error("{url}: {error}")]
    Connect {
        /// To what.
        url: String,
        /// Why not.
        error: io::Error,
    },
    /// The connection broke, or what came is no answer.
    #[error("{url}: {what}")]
    Broken {
        /// Of what.
        url: String,
        /// In what way.
        what: String,
    },
    /// A URL of another kind.
    #[error("Unknown protocol for serverurl {0}: use http://host:port or unix:///path/to/socket")]
    Url(String),
    /// Ctrl-C while it waited, in a shell.
    #[error("interrupted")]
    Interrupted,
}

type Sender = SendRequest<Full<Bytes>>;

/// The server had closed the connection before it read the call: a close that was on its way when the call left.
fn was_closed(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        }
        cause = inner.source();
    }
    false
}

/// A server, and the connection to it if there is one.
pub struct Client {
    runtime: Rc<Runtime>,
    url: String,
    credentials: Option<(String, String)>,
    connection: Option<(Sender, Instant)>,
    /// A shell goes on after Ctrl-C; a single action ends by it.
    interruptible: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Not connected yet.
    ///
    /// # Errors
    /// No loop can be made: out of descriptors.
    pub fn new(
        url: String,
        username: Option<String>,
        password: Option<String>,
        interruptible: bool,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            runtime: Rc::new(runtime),
            url,
            credentials: username.zip(password),
            connection: None,
            interruptible,
        })
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Talk to another server from now on.
    pub fn set_url(&mut self, url: String) {
        self.url = url;
        self.connection = None;
    }

    /// Say that we are someone else from now on.
    pub fn set_credentials(&mut self, username: String, password: String) {
        self.credentials = Some((username, password));
    }

    /// Call a method of the `supervisor` namespace.
    ///
    /// # Errors
    /// A fault, or no sound answer.
    pub fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CallError> {
        self.wait(async |client: &mut Self| client.call_within(method, params).await)?
    }

    /// Open `/logtail/…` or `/mainlogtail`: a body that comes as the log grows.
    ///
    /// # Errors
    /// An HTTP status other than 200, or no connection.
    pub async fn follow(&mut self, path: &str) -> Result<Incoming, CallError> {
        let request = self.request(Method::GET, path)?.body(Full::default()).map_err(|error| self.broken(&error))?;
        // A stream of its own: it does not end.
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(CallError::Status { url: format!("{}{path}", self.url), status }),
        }
    }

    /// Wait for something with this client; Ctrl-C ends the waiting in a shell.
    ///
    /// # Errors
    /// [`CallError::Interrupted`].
    pub fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> Result<T, CallError> {
        if !self.interruptible {
            return Ok(self.block_on(work));
        }
        self.block_on(async |client: &mut Self| {
            let mut interrupts = interrupts();
            tokio::select! {
                biased;
                () = interrupted(interrupts.as_mut()) => Err(CallError::Interrupted),
                done = work(client) => Ok(done),
            }
        })
    }

    /// Wait for something that sees to Ctrl-C itself.
    pub fn block_on<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let runtime = Rc::clone(&self.runtime);
        runtime.block_on(work(self))
    }

    /// Call a method from within a wait.
    ///
    /// # Errors
    /// A fault, or no sound answer.
    pub async fn call_within(&mut self, method: &str, params: &[Value]) -> Result<Value, CallError> {
        let body = Bytes::from(encode_call(&format!("supervisor.{method}"), params));
        let response = self.post(body).await?;
        let status = response.status();
        if status != StatusCode::OK {
            self.connection = None;
            return Err(CallError::Status { url: self.url.clone(), status });
        }
        let read = Limited::new(response.into_body(), HTTP_BODY).collect().await;
        let bytes = read.map_err(|error| self.broken(&error))?.to_bytes();
        match decode_response(&bytes).map_err(|error| self.broken(&error))? {
            Answer::Value(value) => Ok(value),
            Answer::Fault { code, text } => Err(CallError::Fault { code, text }),
        }
    }

    /// Send a call, on the kept connection if it is still good. A call is sent once: only one that certainly did not leave,
    /// or that the server had closed the door on, is sent again on a new connection.
    async fn post(&mut self, body: Bytes) -> Result<Response<Incoming>, CallError> {
        if let Some((mut sender, used)) = self.connection.take()
            && used.elapsed() < IDLE
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(self.call_request(body.clone())?).await {
                Ok(response) => return Ok(self.keep(sender, response)),
                Err(mut error) => {
                    if error.take_message().is_none() && !was_closed(error.error()) {
                        return Err(self.broken(error.error()));
                    }
                }
            }
        }
        let mut sender = self.connect().await?;
        let request = self.call_request(body)?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        Ok(self.keep(sender, response))
    }

    fn keep(&mut self, sender: Sender, response: Response<Incoming>) -> Response<Incoming> {
        self.connection = Some((sender, Instant::now()));
        response
    }

    fn call_request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, CallError> {
        self.request(Method::POST, "/RPC2")?
            .header(CONTENT_TYPE, "text/xml")
            .body(Full::new(body))
            .map_err(|error| self.broken(&error))
    }

    fn request(&self, method: Method, path: &str) -> Result<hyper::http::request::Builder, CallError> {
        let address = self.address()?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, address.host_header())
            .header(USER_AGENT, concat!("supervisorctl/", env!("CARGO_PKG_VERSION")));
        if let Some((username, password)) = &self.credentials {
            request = request.header(AUTHORIZATION, wire::credentials::basic_header(username, password));
        }
        Ok(request)
    }

    fn address(&self) -> Result<Address, CallError> {
        Address::parse(&self.url).ok_or_else(|| CallError::Url(self.url.clone()))
    }

    async fn connect(&self) -> Result<Sender, CallError> {
        match self.address()? {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| self.unreachable(error))?;
                self.greet(TokioIo::new(stream)).await
            }
            Address::Tcp { host, port } => {
                let addresses = resolve(&host, port).map_err(|error| self.unreachable(error))?;
                let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| self.unreachable(error))?;
                self.greet(TokioIo::new(stream)).await
            }
        }
    }

    async fn greet<I>(&self, io: I) -> Result<Sender, CallError>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        // As other clients write them; some servers are particular.
        builder.title_case_headers(true);
        let (sender, connection) = builder.handshake(io).await.map_err(|error| self.broken(&error))?;
        // It ends with its sender; what it has to say, the request's own error says too.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn unreachable(&self, error: io::Error) -> CallError {
        CallError::Connect { url: self.url.clone(), error }
    }

    fn broken(&self, error: &dyn fmt::Display) -> CallError {
        CallError::Broken { url: self.url.clone(), what: error.to_string() }
    }
}

/// Ctrl-C from now on: it no longer ends the program.
pub fn interrupts() -> Option<Signal> {
    signal(SignalKind::interrupt()).ok()
}

/// The next Ctrl-C; never, where signals cannot be caught.
pub async fn interrupted(signals: Option<&mut Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}
