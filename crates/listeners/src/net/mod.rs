//! The network as listeners need it: a stream to an endpoint, within a deadline.
//!
//! HTTP is hyper's on a tokio runtime that lives for one exchange: the same library as supervisorctl's, and a deadline there
//! covers everything at once, where a socket's own timeout starts anew with every byte of a slow server.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

pub mod http;
pub mod names;
pub mod rpc;
pub mod tls;
pub mod url;

use crate::python;
use names::NameError;

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix-domain socket.
    Unix(PathBuf),
    /// A host, by name or number, and a port.
    Tcp(String, u16),
}

/// A connection of any kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a network exchange came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The host's name stands for no address.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Connecting, reading or writing failed; the number and the words as Python tells them.
    #[error("{}", python::system_error(.0))]
    Io(#[from] io::Error),
    /// The time is up.
    #[error("timed out after {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The answer is none of HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("this cannot be asked for: {0}")]
    Request(String),
    /// More came than is wanted.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl NetError {
    /// True if nobody listens there (yet).
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// Carry out an exchange within a time; looking up the name counts too.
///
/// # Errors
/// What the exchange fails with, or `TimedOut`.
pub fn within<T, E>(
    limit: Duration,
    endpoint: &Endpoint,
    exchange: impl AsyncFnOnce(Box<dyn Stream>) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<NetError>,
{
    let deadline = Instant::now() + limit;
    let addresses = match endpoint {
        Endpoint::Tcp(host, port) => names::resolve(host, *port, limit).map_err(NetError::from)?,
        Endpoint::Unix(_) => Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(NetError::from)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let all = async {
        let stream: Box<dyn Stream> = match endpoint {
            Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(NetError::from)?),
            Endpoint::Tcp(..) => Box::new(TcpStream::connect(&addresses[..]).await.map_err(NetError::from)?),
        };
        exchange(stream).await
    };
    runtime.block_on(async { tokio::time::timeout(left, all).await }).map_err(|_| NetError::TimedOut(limit))?
}
