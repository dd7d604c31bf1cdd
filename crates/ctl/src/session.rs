//! One run of supervisorctl: the settings, the server, the exit status, and the way from a line to its command.
//!
//! Deliberately absent: what the commands do, and where lines come from (the shell).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use hyper::StatusCode;
use model::{API_VERSION, FaultCode, Value};

use crate::client::{CallError, Client};
use crate::commands::{self, Flow};
use crate::exit;
use crate::output::Output;
use crate::settings::Settings;
use crate::shell::Console;

/// The state that commands work on.
pub struct Session {
    settings: Settings,
    client: Rc<RefCell<Client>>,
    console: Console,
    /// Where answers are shown.
    pub output: Output,
    /// What the program will exit with.
    pub status: u8,
}

impl Session {
    /// Not connected yet.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let client = Client::new(
            settings.serverurl.clone(),
            settings.username.clone(),
            settings.password.clone(),
            settings.interactive,
        )?;
        Ok(Self {
            client: Rc::new(RefCell::new(client)),
            console: Console::new(),
            output: Output::new(),
            status: exit::SUCCESS,
            settings,
        })
    }

    /// True if there is, or will be, a shell.
    pub const fn is_interactive(&self) -> bool {
        self.settings.interactive
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client, for completion.
    pub fn client(&self) -> Rc<RefCell<Client>> {
        Rc::clone(&self.client)
    }

    /// Where lines come from.
    pub const fn console(&mut self) -> &mut Console {
        &mut self.console
    }

    /// The same, and where answers go.
    pub const fn console_and_output(&mut self) -> (&mut Console, &mut Output) {
        (&mut self.console, &mut self.output)
    }

    /// Show what is left; the exit status.
    pub fn finish(&mut self) -> u8 {
        self.output.flush();
        if self.output.is_broken() && self.status == exit::SUCCESS { exit::GENERIC } else { self.status }
    }

    /// Call a method of the `supervisor` namespace. What was written is shown first, since the call may take long.
    ///
    /// # Errors
    /// A fault, or no answer.
    pub fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CallError> {
        self.output.flush();
        self.client.borrow_mut().call(method, params)
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        self.client.borrow().url().to_owned()
    }

    /// Show a line.
    pub fn say(&mut self, line: &str) {
        self.output.line(line);
    }

    /// Show a line and remember that something failed.
    pub fn fail(&mut self, line: &str) {
        self.say(line);
        self.status = exit::GENERIC;
    }

    /// Show a mistake in the arguments and the action's grammar.
    pub fn misused(&mut self, name: &str, error: &str) {
        self.fail(error);
        commands::show_help(self, name);
    }

    /// See that a server of our version is there, and say so if not.
    ///
    /// # Errors
    /// What is more than that: no credentials, a server that is shutting down.
    pub fn upcheck(&mut self) -> Result<bool, CallError> {
        match self.call("getVersion", &[]) {
            Ok(Value::Str(version)) if version == API_VERSION => Ok(true),
            Ok(version) => {
                let remote = version.as_str().unwrap_or("unknown");
                self.say(&format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API version {API_VERSION}, \
                     but the remote version is {remote}."
                ));
                self.status = exit::NOT_INSTALLED;
                Ok(false)
            }
            Err(CallError::Fault { code, .. }) if code == FaultCode::UnknownMethod.number() => {
                self.say(
                    "Sorry, supervisord responded but did not recognize the supervisor namespace commands that \
                     supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is \
                     enabled in the configuration file (see sample.conf).",
                );
                self.status = exit::UNIMPLEMENTED_FEATURE;
                Ok(false)
            }
            Err(error) => self.no_server(error),
        }
    }

    fn no_server(&mut self, error: CallError) -> Result<bool, CallError> {
        let Some(words) = unreachable(&error) else {
            self.status = exit::GENERIC;
            return Err(error);
        };
        let url = self.url();
        self.say(&format!("{url} {words}"));
        self.status = if words == REFUSED { exit::INSUFFICIENT_PRIVILEGES } else { exit::NOT_RUNNING };
        Ok(false)
    }

    /// Run one line: an action and its arguments.
    pub fn run_line(&mut self, line: &str) -> Flow {
        let line = line.trim();
        if line.is_empty() {
            return Flow::Go;
        }
        let line = line.strip_prefix('?').map_or_else(|| line.to_owned(), |topic| format!("help {topic}"));
        let end = line.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(line.len());
        let (name, argument) = line.split_at(end);
        let Some(command) = commands::find(name) else {
            self.fail(&format!("*** Unknown syntax: {line}"));
            return Flow::Go;
        };
        loop {
            match (command.run)(self, argument.trim()) {
                Ok(flow) => return flow,
                Err(CallError::Interrupted) => return Flow::Interrupted,
                Err(CallError::Status { status: StatusCode::UNAUTHORIZED, .. }) => {
                    self.fail("Server requires authentication");
                    if !self.settings.interactive || !self.log_in() {
                        return Flow::Go;
                    }
                }
                Err(error) => {
                    self.fail(&format!("error: {error}"));
                    return Flow::Go;
                }
            }
        }
    }

    /// Ask who is there; false if nobody answers.
    fn log_in(&mut self) -> bool {
        self.output.flush();
        let Some(username) = self.ask("Username:") else { return false };
        let Some(password) = self.ask_secret("Password:") else { return false };
        self.say("");
        self.client.borrow_mut().set_credentials(username, password);
        true
    }

    /// Ask a question; `None` at the end of the input.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        self.console.ask(&self.client, &mut self.output, question)
    }

    fn ask_secret(&mut self, question: &str) -> Option<String> {
        self.console.ask_secret(&self.client, &mut self.output, question)
    }
}

const REFUSED: &str = "refused connection";

/// The words for a server that is not there; `None` for any other error.
pub fn unreachable(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Connect { error, .. } => match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(REFUSED),
            io::ErrorKind::NotFound => Some("no such file"),
            _ => None,
        },
        _ => None,
    }
}
