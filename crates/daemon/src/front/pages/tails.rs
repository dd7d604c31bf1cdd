//! `tail.html`, the end of a log as a page that stands still, and `logtail.html`, the same as a page that follows.

use hyper::StatusCode;
use model::{Channel, FaultCode, Value};

use super::super::calls::{self, Question};
use super::super::query::{Form, escape, quote};
use super::super::reply::{self, Reply};
use super::super::service::Exchange;
use super::{actions, fill, html};

/// Bytes that are shown at least, and unless more are asked for.
const LEAST: i64 = 1024;

/// `tail.html?processname=NAME&limit=BYTES`.
pub(super) async fn tail(exchange: &Exchange<'_>, form: &Form) -> Reply {
    let limit = form.get("limit").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let limit = limit.and_then(|text| text.parse().ok()).unwrap_or(LEAST).max(LEAST);
    let Some(name) = form.get("processname") else {
        return page("None", "No process name found", "");
    };
    let params = vec![Value::from(name.to_owned()), Value::Int(-limit), Value::Int(0)];
    let question = Question::method("supervisor.readProcessStdoutLog".to_owned(), params);
    let text = match calls::method(&exchange.front, &exchange.connection.slot, question).await {
        Ok(value) => value.as_str().unwrap_or_default().to_owned(),
        Err(fault) if fault.code == FaultCode::NoFile => format!("No file for {name}"),
        Err(fault) => format!("ERROR: {}", actions::unexpected(&fault)),
    };
    let refresh =
        format!("<a class=\"button\" href=\"tail.html?processname={}&amp;limit={limit}\">Refresh</a>", quote(name));
    page(name, &text, &refresh)
}

fn page(name: &str, text: &str, refresh: &str) -> Reply {
    // HTML swallows a line feed that a <pre> begins with.
    let first = if text.starts_with('\n') { "\n" } else { "" };
    let tail = format!("{first}{}", escape(text));
    html(fill(include_str!("../web/tail.html"), &[("name", &escape(name)), ("tail", &tail), ("refresh", refresh)]))
}

/// `logtail.html?processname=NAME&channel=CHANNEL`.
pub(super) fn log(form: &Form) -> Reply {
    let Some(name) = form.get("processname") else {
        return reply::explained(StatusCode::BAD_REQUEST, "No process name found.");
    };
    let channel = match form.get("channel") {
        Some("stderr") => Channel::Stderr,
        _ => Channel::Stdout,
    };
    let stream = format!("logtail/{}/{}", quote(name), channel.name());
    html(fill(
        include_str!("../web/log.html"),
        &[("name", &escape(name)), ("channel", channel.name()), ("stream", &stream)],
    ))
}
