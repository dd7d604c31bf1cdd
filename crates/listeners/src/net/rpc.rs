//! The daemon's XML-RPC interface, as far as listeners need it.
//!
//! Where it is and with what credentials comes from the environment that the daemon gives its children:
//! `SUPERVISOR_SERVER_URL` (`http://…` or `unix://…`), and `SUPERVISOR_USERNAME` and `SUPERVISOR_PASSWORD`, which people set
//! themselves. hyper does the HTTP, as in supervisorctl.

use std::collections::HashMap;
use std::time::Duration;

use model::state::ProcessState;
use model::value::Value;
use wire::xmlrpc::{DecodeError, Response, decode_response, encode_call};

use super::NetError;
use super::http::{self, Question};
use super::url::{Url, UrlError};
use crate::stage::SERVER_URL;

/// For a call that the daemon answers at once.
const SOON: Duration = Duration::from_secs(60);
/// For a start or a stop, which may take all of `startsecs` or `stopwaitsecs`.
const PATIENT: Duration = Duration::from_secs(24 * 3600);
/// Bytes of an answer: some 500 for each process.
const ROOM: usize = 64 * 1024 * 1024;

/// Why a call gave no value.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The daemon refused; shown as Python shows it, for the words stand in mails.
    #[error("<Fault {0}: {shown}>", shown = wire::python::repr(.1))]
    Fault(i64, String),
    /// An HTTP status other than 200.
    #[error("HTTP {0} {1}")]
    Status(u16, String),
    /// No answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An answer that is none of XML-RPC.
    #[error("the answer cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// An answer that is not what the method gives.
    #[error("the answer of {0} lacks {1}")]
    Lacks(&'static str, &'static str),
}

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
pub enum NoDaemon {
    /// The environment names none: the program was not started by a daemon.
    #[error("{SERVER_URL} is not set")]
    Unset,
    /// It is named by an address of no known kind.
    #[error("{SERVER_URL}: {0}")]
    Url(#[from] UrlError),
}

/// What the daemon tells of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// Its group's name.
    pub group: String,
    /// Its state; UNKNOWN for a code that is none.
    pub state: ProcessState,
    /// Its process id; 0 if it does not run.
    pub pid: i64,
    /// Seconds since it was started.
    pub uptime: i64,
}

/// The daemon.
pub struct Daemon {
    url: Url,
}

impl Daemon {
    /// The daemon that the environment names.
    ///
    /// # Errors
    /// It names none, or in a form that is not known.
    pub fn of(environment: &HashMap<String, String>) -> Result<Self, NoDaemon> {
        let address = environment.get(SERVER_URL).ok_or(NoDaemon::Unset)?;
        let variable = |name: &str| environment.get(name).cloned().unwrap_or_default();
        let mut url = match address.strip_prefix("unix://") {
            Some(path) => Url::of_socket(path),
            None => Url::parse(address)?,
        };
        url.target = "/RPC2".to_owned();
        let username = variable("SUPERVISOR_USERNAME");
        if !username.is_empty() {
            url.credentials = Some((username, variable("SUPERVISOR_PASSWORD")));
        }
        Ok(Self { url })
    }

    /// All processes.
    ///
    /// # Errors
    /// The daemon cannot be reached or refuses.
    pub fn processes(&self) -> Result<Vec<Process>, RpcError> {
        match self.call("supervisor.getAllProcessInfo", &[], SOON)? {
            Value::Array(all) => all.iter().map(process).collect(),
            _ => Err(RpcError::Lacks("getAllProcessInfo", "a list")),
        }
    }

    /// One process.
    ///
    /// # Errors
    /// The daemon cannot be reached or refuses.
    pub fn process(&self, namespec: &str) -> Result<Process, RpcError> {
        process(&self.call("supervisor.getProcessInfo", &[Value::str(namespec.to_owned())], SOON)?)
    }

    /// Stop a process and wait until it has stopped.
    ///
    /// # Errors
    /// The daemon cannot be reached or refuses.
    pub fn stop(&self, namespec: &str) -> Result<(), RpcError> {
        self.call("supervisor.stopProcess", &[Value::str(namespec.to_owned())], PATIENT).map(drop)
    }

    /// Start a process and wait until it is RUNNING.
    ///
    /// # Errors
    /// The daemon cannot be reached or refuses.
    pub fn start(&self, namespec: &str) -> Result<(), RpcError> {
        self.call("supervisor.startProcess", &[Value::str(namespec.to_owned())], PATIENT).map(drop)
    }

    fn call(&self, method: &str, parameters: &[Value], limit: Duration) -> Result<Value, RpcError> {
        let headers = vec![("Content-Type", "text/xml".to_owned()), ("Accept", "text/xml".to_owned())];
        let body = encode_call(method, parameters);
        let answer = http::ask(Question { url: &self.url, method: "POST", headers, body, limit, room: ROOM })?;
        if answer.status != 200 {
            return Err(RpcError::Status(answer.status, answer.reason));
        }
        if answer.cut {
            return Err(NetError::TooLong(ROOM).into());
        }
        match decode_response(&answer.body)? {
            Response::Value(value) => Ok(value),
            Response::Fault { code, text } => Err(RpcError::Fault(code, text)),
        }
    }
}

fn process(value: &Value) -> Result<Process, RpcError> {
    let text = |name| {
        let text = value.member(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or(RpcError::Lacks("getProcessInfo", name))
    };
    let number = |name| value.member(name).and_then(Value::as_int).ok_or(RpcError::Lacks("getProcessInfo", name));
    Ok(Process {
        name: text("name")?,
        group: text("group")?,
        state: ProcessState::from_code(number("state")?).unwrap_or(ProcessState::Unknown),
        pid: number("pid")?,
        uptime: number("now")?.saturating_sub(number("start")?),
    })
}
