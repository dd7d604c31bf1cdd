//! `fg`: a process' logs on the screen and what is typed to its stdin, until Ctrl-C or the end of the input.
//!
//! Deliberately absent: a terminal for the process; lines go through the server, logs come from it.

use model::{Channel, FaultCode, ProcessState, Value};

use super::follow::{log_path, next_bytes};
use super::targets::words;
use super::{Command, Completes, Flow, Help};
use crate::client::{CallError, Client, interrupted, interrupts};
use crate::input::Input;
use crate::output::Output;
use crate::render::number;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "fg",
    help: &[
        Help::Form("fg <process>", "talk to a process: what you type goes to its stdin,"),
        Help::More("Ctrl-C leaves it"),
    ],
    completes: Completes::Processes,
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    let names = words(argument);
    let name = match names.as_slice() {
        [] => {
            session.misused("fg", "ERROR: no process name supplied");
            return Ok(Flow::Go);
        }
        [name] => *name,
        _ => {
            session.fail("ERROR: too many process names supplied");
            return Ok(Flow::Go);
        }
    };
    match session.call("getProcessInfo", &[Value::str(name.to_owned())]) {
        Ok(info) if is_running(&info) => attach(session, name),
        Ok(_) => {
            session.fail("ERROR: process not running");
            Ok(Flow::Go)
        }
        Err(CallError::Fault { code, .. }) if code == FaultCode::BadName.number() => {
            session.fail("ERROR: bad process name supplied");
            Ok(Flow::Go)
        }
        Err(error @ CallError::Fault { .. }) => {
            session.fail(&format!("ERROR: {error}"));
            Ok(Flow::Go)
        }
        Err(error) => Err(error),
    }
}

fn is_running(info: &Value) -> bool {
    number(info, "state") == ProcessState::Running.code()
}

fn attach(session: &mut Session, name: &str) -> Result<Flow, CallError> {
    let client = session.client();
    let (console, output) = session.console_and_output();
    let input = console.input();
    let left = client.borrow_mut().block_on(async |client| {
        let mut signals = interrupts();
        output.line("==> Press Ctrl-C to exit <==");
        output.flush();
        talk(client, input, output, name, signals.as_mut()).await
    });
    if let Some(reason) = left? {
        session.say(&reason);
    }
    session.say("Exiting foreground");
    Ok(Flow::Go)
}

/// Pass lines and show logs until there is a reason to leave; its words, if it needs any.
async fn talk(
    client: &mut Client,
    input: &mut Input,
    output: &mut Output,
    name: &str,
    mut signals: Option<&mut tokio::signal::unix::Signal>,
) -> Result<Option<String>, CallError> {
    // A program may have no log on a channel: then there is nothing to show of it.
    let mut logs = [Channel::Stdout, Channel::Stderr].map(|channel| (channel, None));
    for (channel, log) in &mut logs {
        *log = client.follow(&log_path(name, *channel)).await.ok();
    }
    let [(_, mut out), (_, mut err)] = logs;
    loop {
        tokio::select! {
            biased;
            () = interrupted(signals.as_deref_mut()) => return Ok(None),
            Some(bytes) = async { next_bytes(out.as_mut()?).await }, if out.is_some() => show(output, &bytes),
            Some(bytes) = async { next_bytes(err.as_mut()?).await }, if err.is_some() => show(output, &bytes),
            line = input.line() => {
                let Ok(Some(line)) = line else { return Ok(None) };
                if let Some(reason) = pass(client, name, &line).await? {
                    return Ok(Some(reason));
                }
            }
        }
    }
}

fn show(output: &mut Output, bytes: &[u8]) {
    output.bytes(bytes);
    output.flush();
}

/// Give the process a line; a reason to leave if it is gone.
async fn pass(client: &mut Client, name: &str, line: &str) -> Result<Option<String>, CallError> {
    let target = Value::str(name.to_owned());
    let killed = || Some("Process got killed".to_owned());
    match client.call_within("sendProcessStdin", &[target.clone(), Value::str(format!("{line}\n"))]).await {
        Ok(_) => {}
        Err(CallError::Fault { code, .. }) if code == FaultCode::NotRunning.number() => return Ok(killed()),
        Err(error @ CallError::Fault { .. }) => return Ok(Some(format!("ERROR: {error}"))),
        Err(error) => return Err(error),
    }
    let info = client.call_within("getProcessInfo", &[target]).await?;
    Ok(if is_running(&info) { None } else { killed() })
}
