//! The files of the page: built into the binary, at the addresses of the reference.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, LAST_MODIFIED, LOCATION};
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::reply::{self, Payload, Reply};
use super::service::{self, Exchange};
use super::site;

macro_rules! files {
    ($($path:literal $kind:literal,)*) => {
        &[$(($path, $kind, include_bytes!(concat!("web/", $path))),)*]
    };
}

/// Path, type and content of each file.
const FILES: &[(&str, &str, &[u8])] = files! {
    "stylesheets/supervisor.css" "text/css",
    "scripts/log.js" "text/javascript",
    "scripts/status.js" "text/javascript",
    "images/icon.png" "image/png",
    "images/rule.gif" "image/gif",
    "images/state0.gif" "image/gif",
    "images/state1.gif" "image/gif",
    "images/state2.gif" "image/gif",
    "images/state3.gif" "image/gif",
    "images/supervisor.gif" "image/gif",
};

/// Answers with a file; 404 for anything else, so that no path leads out of the table.
pub(super) fn serve(exchange: &Exchange<'_>) -> Reply {
    if !matches!(*exchange.request.method(), Method::GET | Method::HEAD) {
        return service::bad_method();
    }
    let path = exchange.path.trim_start_matches('/');
    if matches!(path, "images" | "stylesheets") {
        return moved(path);
    }
    let Some((_, kind, content)) = FILES.iter().find(|(known, _, _)| *known == path) else {
        return reply::error(StatusCode::NOT_FOUND);
    };
    // The files are as old as this run of the daemon: an upgrade may bring others.
    let began = exchange.front.began;
    let mut reply = if is_unchanged(exchange.request.headers(), began) {
        let mut reply = Reply::new(Payload::Empty);
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        reply::whole(StatusCode::OK, kind, *content)
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(http_date(began).map(|date| (LAST_MODIFIED, date)));
    reply
}

/// Folders end in a slash, though they show nothing.
fn moved(folder: &str) -> Reply {
    let mut reply = reply::error(StatusCode::MOVED_PERMANENTLY);
    reply.headers_mut().extend(HeaderValue::from_str(&format!("{folder}/")).map(|place| (LOCATION, place)));
    reply
}

fn is_unchanged(headers: &HeaderMap, began: Timestamp) -> bool {
    site::text(headers, IF_MODIFIED_SINCE)
        .and_then(|text| text.split(';').next())
        .and_then(|text| rfc2822::parse(text).ok())
        .is_some_and(|since| since.timestamp().as_second() >= began.as_second())
}

/// A moment as HTTP writes it.
pub(super) fn http_date(moment: Timestamp) -> Option<HeaderValue> {
    let mut text = String::new();
    rfc2822::DateTimePrinter::new().print_timestamp_rfc9110(&moment, &mut text).ok()?;
    HeaderValue::from_str(&text).ok()
}
