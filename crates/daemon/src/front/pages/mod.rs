//! The web page: the addresses of the reference, with a page that keeps itself up to date.
//!
//! Everything shown is escaped, every page forbids scripts and frames that are not its own, and every address in it is relative,
//! so that it works below a path prefix of a proxy. Templates are files under `web/`; deliberately absent: a template language.

mod actions;
mod desk;
mod status;
mod tails;

use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, EXPIRES, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    PRAGMA, REFERRER_POLICY, USER_AGENT, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::query::{Form, escape, quote};
use super::reply::{self, Reply};
use super::service::Exchange;
use super::work::Work;
use super::{live, rpc, site};
use actions::Outcome;
pub(super) use desk::{Desk, Held, Watch};

/// What a page may load and do: its own files, its own forms, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whether a path leads to a page.
pub(super) fn has(path: &str) -> bool {
    matches!(page_of(path), "index.html" | "tail.html" | "logtail.html" | "ok.html" | "events")
}

fn page_of(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => "index.html",
        page => page,
    }
}

/// Answers with a page.
pub(super) async fn serve(exchange: &mut Exchange<'_>) -> Reply {
    let posted = if exchange.request.method() == Method::POST {
        match rpc::posted(exchange).await {
            Ok(body) => String::from_utf8_lossy(&body.bytes).into_owned(),
            Err(refusal) => return refusal,
        }
    } else {
        String::new()
    };
    let form = Form::new(exchange.request.uri().query().unwrap_or_default(), &posted);
    match page_of(&exchange.path) {
        "ok.html" => reply::whole(StatusCode::OK, "text/plain", "OK"),
        "tail.html" => tails::tail(exchange, &form).await,
        "logtail.html" => tails::log(&form),
        "events" => live::events(&exchange.front),
        _ => match form.get("action") {
            Some(action) => act(exchange, &form, action).await,
            None => status::page(exchange, form.get("message")).await,
        },
    }
}

/// Does what a link, a form, a script or our page asks for, and tells each in its way how it went.
async fn act(exchange: &Exchange<'_>, form: &Form, action: &str) -> Reply {
    let headers = exchange.request.headers();
    if let Some(refusal) = site::refuse_site(headers) {
        return refusal;
    }
    let Some(task) = actions::Task::parse(form, action) else {
        return reply::explained(StatusCode::BAD_REQUEST, "There is no such action, or it lacks a name.");
    };
    let from_browser = site::text(headers, USER_AGENT).is_some_and(|agent| agent.contains("Mozilla/"));
    if from_browser
        && exchange.request.method() != Method::POST
        && task.changes_something()
        && !site::is_vouched(headers)
    {
        return confirm(&task, form);
    }
    let manner = Manner::of(exchange, form);
    match task {
        actions::Task::Refresh => manner.tell(&actions::refreshed()),
        actions::Task::Do(doing) => {
            let watch = exchange.front.desk.begin(&exchange.front, doing);
            tell_outcome(exchange, watch, manner).await
        }
    }
}

/// Waits until an action is done, and tells how it went.
pub(super) async fn tell_outcome(exchange: &Exchange<'_>, watch: Watch, manner: Manner) -> Reply {
    exchange.connection.work.replace(Some(Work::Action { number: watch.number, manner: manner.clone() }));
    match watch.outcome().await {
        Some(outcome) => manner.tell(&outcome),
        None => reply::error(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// How the outcome of an action is told: to a script of ours, to our page without scripts, or by a link of the reference's page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Manner {
    /// As JSON.
    Json,
    /// By the page below this one.
    Page,
    /// By the page of this host.
    Host(String),
}

impl Manner {
    fn of(exchange: &Exchange<'_>, form: &Form) -> Self {
        let accept = site::text(exchange.request.headers(), ACCEPT);
        if accept.is_some_and(|accepted| accepted.contains("application/json")) {
            Self::Json
        } else if form.get("page").is_some() {
            Self::Page
        } else {
            Self::Host(named_host(exchange))
        }
    }

    fn tell(&self, outcome: &Outcome) -> Reply {
        let message = quote(&outcome.message);
        match self {
            Self::Json => {
                let json = serde_json::json!({ "message": outcome.message, "failed": outcome.failed });
                private(reply::whole(StatusCode::OK, "application/json", json.to_string()))
            }
            Self::Page => redirect(StatusCode::SEE_OTHER, &format!("./?message={message}")),
            Self::Host(host) => redirect(StatusCode::MOVED_PERMANENTLY, &format!("http://{host}/?message={message}")),
        }
    }
}

/// A page that asks again: a browser that tells nothing of where the request comes from may have been sent by another site.
fn confirm(task: &actions::Task, form: &Form) -> Reply {
    let fields: String = ["action", "processname", "group"]
        .iter()
        .filter_map(|name| {
            let value = escape(form.get(name)?);
            Some(format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n"))
        })
        .collect();
    html(fill(include_str!("../web/confirm.html"), &[("what", &escape(&task.to_string())), ("fields", &fields)]))
}

fn redirect(status: StatusCode, place: &str) -> Reply {
    let mut reply = private(reply::error(status));
    if let Ok(place) = HeaderValue::from_str(place) {
        reply.headers_mut().insert(LOCATION, place);
    }
    reply
}

/// The server as the client named it, without the port that is understood.
fn named_host(exchange: &Exchange<'_>) -> String {
    match site::text(exchange.request.headers(), HOST) {
        Some(host) => host.strip_suffix(":80").unwrap_or(host).to_owned(),
        None => exchange.server.address.map_or_else(|| "localhost".to_owned(), |address| address.to_string()),
    }
}

/// A page of ours.
fn html(text: String) -> Reply {
    private(reply::whole(StatusCode::OK, "text/html;charset=utf-8", text))
}

/// The headers of what is not to be kept, framed, sniffed or told to others.
fn private(mut reply: Reply) -> Reply {
    const HEADERS: [(HeaderName, &str); 7] = [
        (PRAGMA, "no-cache"),
        (CACHE_CONTROL, "no-cache"),
        (EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    let headers: &mut HeaderMap = reply.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// A template with its `{{places}}` filled; values are taken as they are.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn a_value_that_looks_like_a_place_is_not_filled() {
        assert_eq!(fill("<{{a}}|{{b}}|{{c}}>", &[("a", "{{b}}"), ("b", "2")]), "<{{b}}|2|>");
    }
}
