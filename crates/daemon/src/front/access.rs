//! The access log: a line for each request, at level trace, as the reference writes it.

use hyper::Request;
use hyper::body::{Body as _, Incoming};
use jiff::Zoned;
use model::Level;

use super::connection::Peer;
use super::reply::Reply;
use super::serve::Front;

/// A line that waits for its end.
pub(super) struct Line(Option<String>);

impl Line {
    /// Notes what is asked, unless nobody would read it.
    pub fn begin(front: &Front, peer: Peer, request: &Request<Incoming>) -> Self {
        if front.settings.loglevel > Level::Trace {
            return Self(None);
        }
        let (host, port) = match peer {
            Peer::Unix(_) => ("localhost".to_owned(), 0),
            Peer::Tcp(address) => (address.ip().to_string(), address.port()),
        };
        let time = Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z");
        let (method, uri, version) = (request.method(), request.uri(), request.version());
        Self(Some(format!("{host}:{port} - - [{time}] \"{method} {uri} {version:?}\"")))
    }

    /// Logs it with the answer's status and length.
    pub fn end(self, front: &Front, reply: &Reply) {
        let Some(text) = self.0 else { return };
        let bytes = reply.body().size_hint().exact().unwrap_or(0);
        front.log(Level::Trace, || format!("{text} {} {bytes}", reply.status().as_u16()));
    }
}
