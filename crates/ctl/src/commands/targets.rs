//! Names given to commands: one process, a group, or all.
//!
//! What `start`, `stop`, `signal` and `clear` share, so that each says only which methods it calls and in which words it
//! answers. Deliberately absent: the words themselves (`render`).

use model::{FaultCode, Namespec, Value};

use crate::client::CallError;
use crate::exit;
use crate::render::Outcome;
use crate::session::Session;

/// How an action is done to its targets.
pub struct Action<'a> {
    /// The method for all processes.
    pub all: &'a str,
    /// The method for a group; `None` where a group is no target.
    pub group: Option<&'a str>,
    /// The method for one process.
    pub one: &'a str,
    /// A parameter after the name.
    pub extra: Option<&'a str>,
    /// A fault that is no failure.
    pub ignored: Option<FaultCode>,
    /// The status after an unknown group.
    pub unknown_group: u8,
    /// The words for an outcome.
    pub words: &'a dyn Fn(&Outcome) -> String,
}

impl Action<'_> {
    /// Do it to these names; `all` among them means all.
    pub fn run(&self, session: &mut Session, names: &[&str]) -> Result<(), CallError> {
        if names.contains(&"all") {
            let answer = session.call(self.all, &self.params(None))?;
            self.show_all(session, &answer);
            return Ok(());
        }
        for name in names {
            let spec = Namespec::parse(name);
            match (spec.process, self.group) {
                (None, Some(method)) => self.run_group(session, method, spec.group)?,
                (process, _) => self.run_one(session, name, spec.group, process.unwrap_or("*"))?,
            }
        }
        Ok(())
    }

    fn run_group(&self, session: &mut Session, method: &str, group: &str) -> Result<(), CallError> {
        match session.call(method, &self.params(Some(group))) {
            Ok(answer) => self.show_all(session, &answer),
            Err(CallError::Fault { code, .. }) if code == FaultCode::BadName.number() => {
                session.say(&format!("{group}: ERROR (no such group)"));
                session.status = self.unknown_group;
            }
            Err(error) => {
                session.status = exit::GENERIC;
                return Err(error);
            }
        }
        Ok(())
    }

    fn run_one(&self, session: &mut Session, name: &str, group: &str, process: &str) -> Result<(), CallError> {
        let (status, description) = match session.call(self.one, &self.params(Some(name))) {
            Ok(_) => (FaultCode::Success.number(), String::new()),
            Err(CallError::Fault { code, text }) => (code, text),
            Err(error) => return Err(error),
        };
        let outcome = Outcome { group: group.to_owned(), name: process.to_owned(), status, description };
        self.show(session, &outcome);
        Ok(())
    }

    fn params(&self, name: Option<&str>) -> Vec<Value> {
        name.into_iter().chain(self.extra).map(|text| Value::str(text.to_owned())).collect()
    }

    fn show_all(&self, session: &mut Session, answer: &Value) {
        Outcome::all(answer).iter().for_each(|outcome| self.show(session, outcome));
    }

    fn show(&self, session: &mut Session, outcome: &Outcome) {
        session.say(&(self.words)(outcome));
        if let Some(status) = exit::of_result(outcome.status, self.ignored) {
            session.status = status;
        }
    }
}

/// The names that a command is given. `None`, and the reason is said, if no server is there or no name is given; the latter
/// ends with this status.
pub fn names<'a>(
    session: &mut Session,
    command: &str,
    argument: &'a str,
    unnamed: u8,
) -> Result<Option<Vec<&'a str>>, CallError> {
    if !session.upcheck()? {
        return Ok(None);
    }
    let names = words(argument);
    if names.is_empty() {
        session.misused(command, &format!("Error: {command} requires a process name"));
        session.status = unnamed;
        return Ok(None);
    }
    Ok(Some(names))
}

/// The words of an argument.
pub fn words(argument: &str) -> Vec<&str> {
    argument.split_whitespace().collect()
}
