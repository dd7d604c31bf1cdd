//! One HTTP request and its answer, bounded in time and size.
//!
//! Deliberately absent: redirects, kept connections, cookies. A check looks at the first answer, and a call to the daemon is
//! rare enough to connect anew.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper::{Request, Response, body::Incoming, header};
use hyper_util::rt::TokioIo;

use super::url::Url;
use super::{NetError, Stream, tls, within};

/// Bytes of an answer's head.
const HEAD: usize = 64 * 1024;

/// What is asked.
pub struct Question<'a> {
    /// Of whom.
    pub url: &'a Url,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Headers beside `Host`.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent along.
    pub body: Vec<u8>,
    /// For everything, from the look-up of the name to the last byte.
    pub limit: Duration,
    /// Bytes of the answer's body.
    pub room: usize,
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// The body, at most as long as there was room.
    pub body: Vec<u8>,
    /// True if there was more.
    pub cut: bool,
}

/// Ask.
///
/// # Errors
/// No connection, no HTTP, or not in time. A status of failure is an answer.
pub fn ask(question: Question) -> Result<Answer, NetError> {
    let Question { url, method, headers, body, limit, room } = question;
    let mut request = Request::builder().method(method).uri(&url.target).header(header::HOST, &url.host);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some((user, password)) = &url.credentials {
        request = request.header(header::AUTHORIZATION, wire::credentials::basic_header(user, password));
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| NetError::Request(error.to_string()))?;
    within(limit, &url.endpoint, async |stream| exchange(stream, url, request, room).await)
}

async fn exchange(
    stream: Box<dyn Stream>,
    url: &Url,
    request: Request<Full<Bytes>>,
    room: usize,
) -> Result<Answer, NetError> {
    let stream = match &url.endpoint {
        super::Endpoint::Tcp(host, _) if url.tls => tls::over(stream, host).await?,
        _ => stream,
    };
    // As lenient as the reference: a server's odd header is no reason to restart it.
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await?;
    // It ends with the runtime, after the answer.
    tokio::spawn(connection);
    take(sender.send_request(request).await?, room).await
}

async fn take(response: Response<Incoming>, room: usize) -> Result<Answer, NetError> {
    let phrase = response.extensions().get::<ReasonPhrase>().map(|phrase| String::from_utf8_lossy(phrase.as_bytes()));
    let reason = phrase.map_or_else(|| response.status().canonical_reason().unwrap_or_default().to_owned(), Into::into);
    let mut answer = Answer { status: response.status().as_u16(), reason, body: Vec::new(), cut: false };
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let fits = data.len().min(room - answer.body.len());
            answer.body.extend(data.iter().take(fits));
            if fits < data.len() {
                answer.cut = true;
                break;
            }
        }
    }
    Ok(answer)
}
