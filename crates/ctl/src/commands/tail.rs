//! `tail`: the end of a process' log, and with `-f` what comes after it.
//!
//! Deliberately absent: counting lines; the server counts bytes.

use model::{Channel, FaultCode, Value};

use super::targets::words;
use super::{Command, Completes, Flow, Help, follow};
use crate::client::CallError;
use crate::session::Session;

pub const COMMAND: Command = Command {
    name: "tail",
    help: &[
        Help::Note("tail [-f] <name> [stdout|stderr] (default stdout)"),
        Help::Note("Ex:"),
        Help::Form("tail -f <name>", "follow what a process writes to stdout"),
        Help::More("(Ctrl-C ends it)"),
        Help::Form("tail -100 <name>", "the last 100 bytes of its stdout"),
        Help::Form("tail <name> stderr", "the last 1600 bytes of its stderr"),
    ],
    completes: Completes::Processes,
    run,
};

/// Bytes that are shown where no number is given.
pub const BYTES: i64 = 1600;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish<'a> {
    name: &'a str,
    channel: Channel,
    /// `None` follows.
    bytes: Option<i64>,
}

/// A mistake in the arguments.
#[derive(Debug, PartialEq, Eq)]
enum Mistake {
    /// Shown with the help.
    Count(&'static str),
    /// Shown alone.
    Word(String),
}

fn parse(argument: &str) -> Result<Wish<'_>, Mistake> {
    let words = words(argument);
    match words.len() {
        0 => return Err(Mistake::Count("Error: too few arguments")),
        1..=3 => {}
        _ => return Err(Mistake::Count("Error: too many arguments")),
    }
    let (modifier, names) = match words.split_first() {
        Some((first, rest)) if first.starts_with('-') => (Some(*first), rest),
        _ => (None, words.as_slice()),
    };
    let (name, channel) = match names {
        [] => return Err(Mistake::Word("Error: tail requires process name".into())),
        [name] => (*name, Channel::Stdout),
        [name, .., channel] => (*name, read_channel(&channel.to_lowercase())?),
    };
    let bytes = match modifier {
        None => Some(BYTES),
        Some("-f") => None,
        Some(other) => Some(read_count(other).ok_or_else(|| Mistake::Word(format!("Error: bad argument {other}")))?),
    };
    Ok(Wish { name, channel, bytes })
}

fn read_channel(text: &str) -> Result<Channel, Mistake> {
    match text {
        "stdout" => Ok(Channel::Stdout),
        "stderr" => Ok(Channel::Stderr),
        _ => Err(Mistake::Word(format!("Error: bad channel {}", wire::python::repr(text)))),
    }
}

/// The number after the dash.
pub fn read_count(modifier: &str) -> Option<i64> {
    modifier.strip_prefix('-')?.parse().ok()
}

fn run(session: &mut Session, argument: &str) -> Result<Flow, CallError> {
    if !session.upcheck()? {
        return Ok(Flow::Go);
    }
    let wish = match parse(argument) {
        Ok(wish) => wish,
        Err(Mistake::Count(error)) => {
            session.misused("tail", error);
            return Ok(Flow::Go);
        }
        Err(Mistake::Word(error)) => {
            session.fail(&error);
            return Ok(Flow::Go);
        }
    };
    let Some(bytes) = wish.bytes else {
        return follow::run(session, &follow::log_path(wish.name, wish.channel));
    };
    let method = match wish.channel {
        Channel::Stdout => "readProcessStdoutLog",
        Channel::Stderr => "readProcessStderrLog",
    };
    show(session, method, Some(wish.name), bytes)
}

/// Show the last bytes of a process' log, or of the daemon's own.
pub fn show(session: &mut Session, method: &str, name: Option<&str>, bytes: i64) -> Result<Flow, CallError> {
    // An offset of 0 would be the whole log: ask for something, show nothing.
    let offset = if bytes == 0 { -1 } else { bytes.saturating_neg() };
    let range = [Value::Int(offset), Value::Int(0)];
    let params: Vec<Value> = name.map(|name| Value::str(name.to_owned())).into_iter().chain(range).collect();
    let what = match session.call(method, &params) {
        Ok(_) if bytes == 0 => {
            session.say("");
            return Ok(Flow::Go);
        }
        Ok(log) => {
            session.say(log.as_str().unwrap_or_default());
            return Ok(Flow::Go);
        }
        Err(CallError::Fault { code, text }) => match FaultCode::from_number(code) {
            Some(FaultCode::NoFile) => "no log file",
            Some(FaultCode::Failed) => "unknown error reading log",
            Some(FaultCode::BadName) if name.is_some() => "no such process name",
            _ => return Err(CallError::Fault { code, text }),
        },
        Err(error) => return Err(error),
    };
    session.fail(&format!("{}: ERROR ({what})", name.unwrap_or("supervisord")));
    Ok(Flow::Go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_a_modifier_a_name_and_a_channel() {
        let wish = |name, channel, bytes| Ok(Wish { name, channel, bytes });
        assert_eq!(parse("web"), wish("web", Channel::Stdout, Some(1600)));
        assert_eq!(parse("-25 web STDERR"), wish("web", Channel::Stderr, Some(25)));
        assert_eq!(parse("-f web"), wish("web", Channel::Stdout, None));
    }

    #[test]
    fn mistakes_are_told() {
        let word = |text: &str| Err(Mistake::Word(text.into()));
        assert_eq!(parse(""), Err(Mistake::Count("Error: too few arguments")));
        assert_eq!(parse("-f a stdout more"), Err(Mistake::Count("Error: too many arguments")));
        assert_eq!(parse("-x web"), word("Error: bad argument -x"));
        assert_eq!(parse("-20"), word("Error: tail requires process name"));
        assert_eq!(parse("web Console"), word("Error: bad channel 'console'"));
    }
}
