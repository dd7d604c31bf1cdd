//! `/RPC2`: XML-RPC over HTTP. One body, one decoded call, one answer; `system.multicall` is made of single calls here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::CallId;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use hyper::{Method, StatusCode};
use model::{Fault, FaultCode, Level, Value, limits};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wire::python;
use wire::xmlrpc::{decode_call, encode_fault, encode_response};

use super::calls::{self, Given, Question};
use super::connection::Connection;
use super::reply::{self, Reply};
use super::serve::Front;
use super::service::{self, Exchange};
use super::share::Share;
use super::site;
use super::work::Work;

/// The next piece of a body must come within this time,
const PIECE: Duration = Duration::from_secs(30);
/// and the whole of it within this.
const WHOLE: Duration = Duration::from_secs(10 * 60);
/// A body that needs no share of the front's memory.
const SMALL: usize = 64 * 1024;
/// Bytes of values that one multicall may gather.
const GATHERED: usize = limits::HTTP_BODY;

/// Answers a call.
pub(super) async fn endpoint(exchange: &mut Exchange<'_>) -> Reply {
    if exchange.request.method() != Method::POST {
        return service::bad_method();
    }
    if let Some(refusal) = site::refuse_site(exchange.request.headers()) {
        return refusal;
    }
    let body = match posted(exchange).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let front = &exchange.front;
    let call = match decode_call(&body.bytes) {
        Ok(call) if !call.method.is_empty() => call,
        Ok(_) => return invalid(front, &body.bytes, "no method name"),
        Err(error) => return invalid(front, &body.bytes, &format!("unmarshallable ({error})")),
    };
    drop(body);
    // The engine logs each single call at level trace; of a multicall it knows nothing.
    let result = if call.method == "system.multicall" {
        front.log(Level::Trace, || "XML-RPC method called: system.multicall()".to_owned());
        match Multicall::new(call.params) {
            Ok(calls) => multicall(front, exchange.connection, calls, None).await.map(Given::Own),
            Err(fault) => Err(fault),
        }
    } else {
        exchange.connection.work.replace(Some(Work::Call));
        calls::given(front, &exchange.connection.slot, Question::method(call.method, call.params)).await
    };
    encode(front, result)
}

/// Answers a single call that was asked of the daemon's predecessor.
pub(super) async fn go_on(exchange: &Exchange<'_>, call: CallId) -> Reply {
    exchange.connection.work.replace(Some(Work::Call));
    let result = calls::given(&exchange.front, &exchange.connection.slot, Question::Before(call)).await;
    encode(&exchange.front, result)
}

/// Goes on with several calls, one of which may have been asked of the daemon's predecessor.
pub(super) async fn go_on_with_many(exchange: &Exchange<'_>, calls: Multicall, call: Option<CallId>) -> Reply {
    let result = multicall(&exchange.front, exchange.connection, calls, call).await;
    encode(&exchange.front, result.map(Given::Own))
}

/// The answer's bytes; a large one holds its share of the memory until the client has taken it.
fn encode(front: &Front, result: Result<Given, Fault>) -> Reply {
    let bytes = match result {
        Ok(Given::Own(value)) => held(front, encode_response(&value)),
        Ok(Given::Shared(value)) => shared(front, value),
        Err(fault) => held(front, encode_fault(fault.code.number(), &fault.text)),
    };
    match bytes {
        Some(bytes) => reply::whole(StatusCode::OK, "text/xml", bytes),
        None => reply::explained(StatusCode::SERVICE_UNAVAILABLE, "Too many large answers are on their way."),
    }
}

/// `None` if there is no memory for so large an answer.
fn held(front: &Front, bytes: Vec<u8>) -> Option<Bytes> {
    if bytes.len() <= SMALL { Some(bytes.into()) } else { Some(front.share(bytes.len())?.hold(bytes)) }
}

/// The bytes of a value that several calls are given: written once.
fn shared(front: &Front, value: Arc<Value>) -> Option<Bytes> {
    if let Some((last, bytes)) = &*front.encoded.borrow()
        && Arc::ptr_eq(last, &value)
    {
        return Some(bytes.clone());
    }
    let bytes = held(front, encode_response(&value))?;
    *front.encoded.borrow_mut() = Some((value, bytes.clone()));
    Some(bytes)
}

fn invalid(front: &Front, body: &[u8], why: &str) -> Reply {
    front.log(Level::Error, || {
        let shown = String::from_utf8_lossy(body.get(..limits::LOGGED_TEXT).unwrap_or(body)).into_owned();
        format!("XML-RPC request data {} is invalid: {why}", python::repr(&shown))
    });
    reply::error(StatusCode::BAD_REQUEST)
}

/// Several calls in one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Multicall {
    left: VecDeque<Value>,
    results: Vec<Value>,
    gathered: usize,
}

impl Multicall {
    fn new(params: Vec<Value>) -> Result<Self, Fault> {
        let incorrect = || Fault::bare(FaultCode::IncorrectParameters);
        let [Value::Array(calls)] = <[Value; 1]>::try_from(params).map_err(|_| incorrect())? else {
            return Err(incorrect());
        };
        if !calls.iter().all(|call| matches!(call, Value::Struct(_))) {
            return Err(incorrect());
        }
        Ok(Self { results: Vec::with_capacity(calls.len()), left: calls.into(), gathered: 0 })
    }

    fn next(&mut self) -> Option<Result<Question, Fault>> {
        let call = self.left.pop_front()?;
        if self.gathered >= GATHERED {
            return Some(Err(Fault::about(FaultCode::Failed, "the answers of this multicall are too long")));
        }
        Some(one_of_many(call))
    }

    fn take_in(&mut self, result: Result<Value, Fault>) {
        let value = result.unwrap_or_else(fault_struct);
        self.gathered = self.gathered.saturating_add(weight(&value));
        self.results.push(value);
    }
}

/// Calls in order; each gives its raw value, or a struct of its fault.
async fn multicall(
    front: &Front,
    connection: &Connection,
    calls: Multicall,
    before: Option<CallId>,
) -> Result<Value, Fault> {
    connection.work.replace(Some(Work::Multicall(calls)));
    let mut next = before.map(|call| Ok(Question::Before(call)));
    loop {
        let Some(question) = next.take() else {
            calls::may_ask(front, &connection.slot).await;
            next = on_calls(connection, Multicall::next);
            if next.is_none() {
                break;
            }
            continue;
        };
        let result = match question {
            Ok(question) => calls::method(front, &connection.slot, question).await,
            Err(fault) => Err(fault),
        };
        on_calls(connection, |calls| {
            calls.take_in(result);
            Some(())
        });
    }
    let results = on_calls(connection, |calls| Some(std::mem::take(&mut calls.results)));
    Ok(Value::Array(results.unwrap_or_default()))
}

/// The calls are kept at their connection, where a hand-over finds them.
fn on_calls<T>(connection: &Connection, change: impl FnOnce(&mut Multicall) -> Option<T>) -> Option<T> {
    match &mut *connection.work.borrow_mut() {
        Some(Work::Multicall(calls)) => change(calls),
        _ => None,
    }
}

fn one_of_many(call: Value) -> Result<Question, Fault> {
    let Value::Struct(members) = call else { return Err(Fault::bare(FaultCode::IncorrectParameters)) };
    let (mut name, mut params) = (None, Vec::new());
    for (key, value) in members {
        match (key.as_ref(), value) {
            ("methodName", Value::Str(text)) => name = Some(text.into_owned()),
            ("params", Value::Array(values)) => params = values,
            // Python takes an empty struct for no parameters.
            ("params", Value::Struct(none)) if none.is_empty() => {}
            ("methodName" | "params", _) => return Err(Fault::bare(FaultCode::IncorrectParameters)),
            _ => {}
        }
    }
    let name = name.ok_or_else(|| Fault::about(FaultCode::IncorrectParameters, "No methodName"))?;
    if name == "system.multicall" {
        return Err(Fault::about(FaultCode::IncorrectParameters, "Recursive system.multicall forbidden"));
    }
    Ok(Question::method(name, params))
}

fn fault_struct(fault: Fault) -> Value {
    Value::Struct(vec![
        ("faultCode".into(), Value::Int(fault.code.number())),
        ("faultString".into(), Value::from(fault.text)),
    ])
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Struct(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 8,
    }
}

/// A body, and its share of the memory if it is large.
#[derive(Debug, Default)]
pub(super) struct Posted {
    /// The bytes.
    pub bytes: Bytes,
    _share: Option<Share>,
}

/// The body of a POST.
///
/// # Errors
/// The refusal: no length, too long, too slow, or cut off.
pub(super) async fn posted(exchange: &mut Exchange<'_>) -> Result<Posted, Reply> {
    if !has_body(exchange.request.headers()) {
        return Err(reply::error(StatusCode::LENGTH_REQUIRED));
    }
    let body = exchange.request.body_mut();
    let size = usize::try_from(body.size_hint().upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    // A body in chunks does not tell its length: it must be small or fit what a large one would take.
    let (most, share) = match size {
        0..=SMALL => (SMALL, None),
        usize::MAX => (limits::HTTP_BODY / 8, exchange.front.share(limits::HTTP_BODY / 8)),
        size => (limits::HTTP_BODY, (size <= limits::HTTP_BODY).then(|| exchange.front.share(size)).flatten()),
    };
    if size > SMALL && share.is_none() {
        return Err(if size > limits::HTTP_BODY && size != usize::MAX {
            reply::last(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.")
        } else {
            reply::last(StatusCode::SERVICE_UNAVAILABLE, "Too many large bodies are on their way.")
        });
    }
    let bytes = collect(body, most as u64).await?;
    exchange.connection.heard();
    Ok(Posted { bytes, _share: share })
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

/// Reads a body up to a limit, within bounds of time.
///
/// # Errors
/// The refusal.
pub(super) async fn collect(body: &mut Incoming, most: u64) -> Result<Bytes, Reply> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut first = Bytes::new();
    let mut all: Vec<u8> = Vec::new();
    let mut begun = None;
    loop {
        let Ok(piece) = timeout(PIECE, body.frame()).await else {
            return Err(reply::last(StatusCode::REQUEST_TIMEOUT, "The body does not come."));
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| reply::last(StatusCode::BAD_REQUEST, "The body is cut off."))?;
        let Ok(data) = piece.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            return Err(reply::last(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long."));
        }
        // Most bodies come in one piece, which needs no copy.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
            first = Bytes::new();
        }
        all.extend_from_slice(&data);
        if begun.get_or_insert_with(Instant::now).elapsed() > WHOLE {
            return Err(reply::last(StatusCode::REQUEST_TIMEOUT, "The body comes too slowly."));
        }
    }
    Ok(if all.is_empty() { first } else { all.into() })
}
