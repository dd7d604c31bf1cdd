//! `update`: have the server read its configuration again, and act on what changed.
//!
//! Deliberately absent: groups that did not change; they are left alone.

use std::collections::BTreeSet;

use model::{FaultCode, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help, shutting_down};
use crate::client::CallError;
use crate::render::{Changes, Outcome, items, text};
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "update",
    help: &[
        Help::Form("update", "reread, then add, remove and restart the groups that changed"),
        Help::Form("update all", "the same"),
        Help::Form("update <gname> [...]", "the same for these groups only"),
    ],
    completes: Completes::Groups,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    let changes = match session.call("reloadConfig", &[]) {
        Ok(answer) => Changes::of(&answer),
        Err(error) if shutting_down(&error) => {
            session.fail("ERROR: already shutting down");
            return Ok(Flow::Go);
        }
        Err(CallError::Fault { code, text }) if code == FaultCode::CantReread.number() => {
            session.fail(&format!("ERROR: {text}"));
            return Ok(Flow::Go);
        }
        Err(error) => return Err(error),
    };
    let mut wanted = words(argument);
    if wanted.contains(&"all") {
        wanted.clear();
    }
    if !wanted.is_empty() {
        check_names(session, &wanted, &changes)?;
    }
    let is_wanted = |group: &&String| wanted.is_empty() || wanted.contains(&group.as_str());
    for group in changes.removed.iter().filter(is_wanted) {
        remove(session, group)?;
    }
    for group in changes.changed.iter().filter(is_wanted) {
        stop(session, group)?;
        call(session, "removeProcessGroup", group)?;
        call(session, "addProcessGroup", group)?;
        session.say(&format!("{group}: updated process group"));
    }
    for group in changes.added.iter().filter(is_wanted) {
        call(session, "addProcessGroup", group)?;
        session.say(&format!("{group}: added process group"));
    }
    Ok(Flow::Go)
}

/// Say which names are no groups; the others are dealt with all the same.
fn check_names(session: &mut Session, wanted: &[&str], changes: &Changes) -> Result<(), CallError> {
    let infos = session.call("getAllProcessInfo", &[])?;
    let mut known: BTreeSet<String> = items(&infos).iter().map(|info| text(info, "group")).collect();
    known.extend(changes.added.iter().cloned());
    for name in wanted {
        // Named twice is told once.
        if known.insert((*name).to_owned()) {
            session.fail(&format!("ERROR: no such group: {name}"));
        }
    }
    Ok(())
}

fn remove(session: &mut Session, group: &str) -> Result<(), CallError> {
    let outcomes = stop(session, group)?;
    if outcomes.iter().any(|outcome| outcome.status == FaultCode::Failed.number()) {
        session.fail(&format!("{group}: has problems; not removing"));
        return Ok(());
    }
    call(session, "removeProcessGroup", group)?;
    session.say(&format!("{group}: removed process group"));
    Ok(())
}

fn stop(session: &mut Session, group: &str) -> Result<Vec<Outcome>, CallError> {
    let answer = call(session, "stopProcessGroup", group)?;
    session.say(&format!("{group}: stopped"));
    Ok(Outcome::all(&answer))
}

fn call(session: &mut Session, method: &str, group: &str) -> Result<Value, CallError> {
    session.call(method, &[Value::str(group.to_owned())])
}
