//! The types of values: text to number, truth, size, signal and so on, each with the reference's words where it refuses.
//!
//! Deliberately absent: which option has which type (`tables`).

use std::path::PathBuf;

use model::{EventType, Level, Signal};

use crate::python::{dirname, expand_user, int, radix, repr, strip};
use crate::types::{Autorestart, Ending, KillMode, LogTarget, Orphans, UserId};
use crate::{Host, pairs};

/// Why a value is refused, in the reference's words.
pub type Refusal = String;

const TRUE: [&str; 4] = ["yes", "true", "on", "1"];
const FALSE: [&str; 4] = ["no", "false", "off", "0"];

/// `integer`.
///
/// # Errors
/// If it is none.
pub fn integer(text: &str) -> Result<i64, Refusal> {
    int(text)
}

/// A number that is counted: negative ones mean the same as 0.
///
/// # Errors
/// If it is no integer.
pub fn count(text: &str) -> Result<u64, Refusal> {
    int(text).map(|number| u64::try_from(number).unwrap_or(0))
}

/// A count of files.
///
/// # Errors
/// If it is no integer.
pub fn small_count(text: &str) -> Result<u32, Refusal> {
    count(text).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// `boolean`, without blanks around.
///
/// # Errors
/// If it is none of the eight words.
pub fn boolean(text: &str) -> Result<bool, Refusal> {
    match text.to_lowercase().as_str() {
        lower if TRUE.contains(&lower) => Ok(true),
        lower if FALSE.contains(&lower) => Ok(false),
        _ => Err(format!("not a valid boolean value: {}", repr(text))),
    }
}

/// `autorestart`.
///
/// # Errors
/// If it is neither a boolean nor `unexpected`.
pub fn autorestart(text: &str) -> Result<Autorestart, Refusal> {
    match text.to_lowercase().as_str() {
        lower if TRUE.contains(&lower) => Ok(Autorestart::Always),
        lower if FALSE.contains(&lower) => Ok(Autorestart::Never),
        "unexpected" => Ok(Autorestart::Unexpected),
        lower => Err(format!("invalid 'autorestart' value {}", repr(lower))),
    }
}

/// What follows an end for good: `ignore`, `restart` or `shutdown`, in any case.
///
/// # Errors
/// If it is none of these.
pub fn ending(text: &str) -> Result<Ending, Refusal> {
    match text.to_lowercase().as_str() {
        "ignore" => Ok(Ending::Ignore),
        "restart" => Ok(Ending::Restart),
        "shutdown" => Ok(Ending::Shutdown),
        other => Err(format!("invalid value {}", repr(other))),
    }
}

/// Whom a stop reaches: `process`, `group`, `tree` or `cgroup`, in any case.
///
/// # Errors
/// If it is none of these.
pub fn kill_mode(text: &str) -> Result<KillMode, Refusal> {
    match text.to_lowercase().as_str() {
        "process" => Ok(KillMode::Process),
        "group" => Ok(KillMode::Group),
        "tree" => Ok(KillMode::Tree),
        "cgroup" => Ok(KillMode::Cgroup),
        other => Err(format!("invalid value {}", repr(other))),
    }
}

/// `byte_size`: an integer, with `KB`, `MB` or `GB` (powers of 1024) in any case.
///
/// # Errors
/// If what is before the unit is no integer.
pub fn byte_size(text: &str) -> Result<u64, Refusal> {
    let lower = text.to_lowercase();
    let units = [("kb", 1u64 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    for (unit, factor) in units {
        if let Some(number) = lower.strip_suffix(unit) {
            return count(number).map(|number| number.saturating_mul(factor));
        }
    }
    count(&lower)
}

/// `octal_type`.
///
/// # Errors
/// If it is no octal number.
pub fn octal(text: &str) -> Result<u32, Refusal> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    radix(text, 8).map(|number| number as u32).ok_or_else(|| format!("{text} can not be converted to an octal type"))
}

/// `signal_number`.
///
/// # Errors
/// If there is no such signal.
pub fn signal(text: &str) -> Result<Signal, Refusal> {
    let kind = if int(text).is_ok() { "number" } else { "name" };
    Signal::parse(text).ok_or_else(|| format!("value {} is not a valid signal {kind}", repr(text)))
}

/// `list_of_exitcodes`.
///
/// # Errors
/// If one is no integer from 0 to 255.
pub fn exit_codes(text: &str) -> Result<Vec<i64>, Refusal> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let codes: Option<Vec<i64>> =
        text.split(',').map(|code| int(code).ok().filter(|code| (0..=255).contains(code))).collect();
    codes.ok_or_else(|| format!("not a valid list of exit codes: {}", repr(text)))
}

/// `list_of_strings`.
#[must_use]
pub fn strings(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(|part| strip(part).to_owned()).collect() }
}

/// `dict_of_key_value_pairs`.
///
/// # Errors
/// If a key has no value or a quote is not closed.
pub fn key_values(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    pairs::pairs(text)
}

/// `process_or_group_name`.
///
/// # Errors
/// If it holds a character that the listener protocol or a page's address could not carry.
pub fn name(text: &str) -> Result<String, Refusal> {
    let bare = strip(text);
    match [' ', ':', '/'].into_iter().find(|&c| bare.contains(c)) {
        Some(c) => Err(format!("Invalid name: {} because of character: '{c}'", repr(text))),
        None => Ok(bare.into()),
    }
}

/// `logging_level`.
///
/// # Errors
/// If there is no such level.
pub fn level(text: &str) -> Result<Level, Refusal> {
    let lower = text.to_lowercase();
    let known = ["critical", "error", "warn", "info", "debug", "trace", "blather"].contains(&lower.as_str());
    Level::parse(&lower).filter(|_| known).ok_or_else(|| format!("bad logging level name {}", repr(text)))
}

/// An event type, in any case.
#[must_use]
pub fn event(text: &str) -> Option<EventType> {
    EventType::from_name(&text.to_uppercase())
}

/// `existing_directory`, `~` expanded.
///
/// # Errors
/// If there is no such directory.
pub fn existing_directory(host: &dyn Host, text: &str) -> Result<String, Refusal> {
    let path = expand_user(host, text);
    if host.is_dir(path.as_ref()) { Ok(path) } else { Err(format!("{text} is not an existing directory")) }
}

/// `existing_dirpath`, `~` expanded: the directory of the path must exist.
///
/// # Errors
/// If it does not.
pub fn existing_dirpath(host: &dyn Host, text: &str) -> Result<String, Refusal> {
    let path = expand_user(host, text);
    let folder = dirname(&path);
    if folder.is_empty() || host.is_dir(folder.as_ref()) {
        return Ok(path);
    }
    Err(format!("The directory named as part of the path {text} does not exist"))
}

/// `orphans=`.
///
/// # Errors
/// If it is none of the words.
pub fn orphans(text: &str) -> Result<Orphans, Refusal> {
    match text.to_lowercase().as_str() {
        "adopt" => Ok(Orphans::Adopt),
        "kill" => Ok(Orphans::Kill),
        "ignore" => Ok(Orphans::Ignore),
        other => Err(format!("invalid 'orphans' value {}", repr(other))),
    }
}

/// `logfile_name`: a target and whether it was the old word `syslog`.
///
/// # Errors
/// If the directory of a path does not exist.
pub fn log_target(host: &dyn Host, text: &str) -> Result<(LogTarget, bool), Refusal> {
    match text.to_lowercase().as_str() {
        "none" | "off" => Ok((LogTarget::None, false)),
        "auto" => Ok((LogTarget::Auto, false)),
        "syslog" => Ok((LogTarget::None, true)),
        _ => existing_dirpath(host, text).map(|path| (LogTarget::File(path.into()), false)),
    }
}

/// `port_number`.
fn port(text: &str) -> Result<u16, Refusal> {
    match int(text)? {
        number if number < 1 => Err(format!("{number} is below lower bound (1)")),
        number => u16::try_from(number).map_err(|_| format!("{number} is above upper bound (65535)")),
    }
}

/// `inet_address`: `host:port`, `*:port`, `:port` or `port`; an empty host is all addresses.
///
/// # Errors
/// If the port is none.
pub fn inet_address(text: &str) -> Result<(String, u16), Refusal> {
    let (host, port) = match text.rsplit_once(':') {
        Some((_, "")) => return Err("no port number specified in ''".into()),
        Some((host, number)) => (host.to_lowercase(), port(number)?),
        None => (String::new(), port(text).map_err(|_| format!("not a valid port number: {} ", repr(text)))?),
    };
    Ok((if host == "*" { String::new() } else { host }, port))
}

/// `tcp://host:port` of an FastCGI program, without its port's range checked by the type.
///
/// # Errors
/// If the port is out of range; `None` if it is no such address at all.
pub fn tcp_socket(text: &str) -> Option<Result<(String, u16), Refusal>> {
    let (host, number) = text.strip_prefix("tcp://")?.split_once(':')?;
    let good = !host.is_empty() && !host.contains(crate::python::is_space);
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (good && digits).then(|| port(number).map(|number| (host.to_lowercase(), number)))
}

/// `name_to_uid`: an account by name or number.
///
/// A number that no account has is accepted, which the reference does not: containers run with numbers that nobody
/// entered in passwd. Its group is then 0, as Docker and OpenShift give it.
///
/// # Errors
/// If there is no such account.
pub fn user(host: &dyn Host, text: &str) -> Result<UserId, Refusal> {
    let Ok(number) = int(text) else {
        let account = host.user_named(text).ok_or_else(|| format!("Invalid user name {text}"))?;
        return Ok(UserId { uid: account.uid, gid: account.gid, name: Some(account.name) });
    };
    // The last number means «leave as it is» to the kernel.
    let uid = u32::try_from(number).ok().filter(|&uid| uid != u32::MAX);
    let uid = uid.ok_or_else(|| format!("Invalid user id {text}"))?;
    Ok(match host.user_numbered(uid) {
        Some(account) => UserId { uid, gid: account.gid, name: Some(account.name) },
        None => UserId { uid, gid: 0, name: None },
    })
}

/// Accounts with commas between: their numbers.
///
/// # Errors
/// If there is no such account, or none is named.
pub fn users(host: &dyn Host, text: &str) -> Result<Vec<u32>, Refusal> {
    let names = text.split(',').map(strip).filter(|name| !name.is_empty());
    let uids = names.map(|name| user(host, name).map(|user| user.uid)).collect::<Result<Vec<_>, _>>()?;
    if uids.is_empty() { Err("no user is named".into()) } else { Ok(uids) }
}

/// `name_to_gid`.
fn group(host: &dyn Host, text: &str) -> Option<u32> {
    match int(text) {
        Ok(number) => u32::try_from(number).ok().filter(|&gid| host.group_numbered(gid)),
        Err(_) => host.group_named(text),
    }
}

/// `colon_separated_user_group`: numbers; without a group it is `u32::MAX`, which chown(2) leaves as it is.
///
/// # Errors
/// If there is no such user or group.
pub fn user_group(host: &dyn Host, text: &str) -> Result<(u32, u32), Refusal> {
    let refusal = || format!("Invalid user:group definition {text}");
    let (name, group_name) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
    // Here a number must be somebody's: a socket that nobody owns is a mistake.
    let uid = user(host, name).ok().filter(|user| user.name.is_some()).ok_or_else(refusal)?.uid;
    match group_name {
        Some(name) => group(host, name).map(|gid| (uid, gid)).ok_or_else(refusal),
        None => Ok((uid, u32::MAX)),
    }
}

/// Where the daemon's own log goes, flags and file alike: a path whose directory exists.
///
/// # Errors
/// If it does not.
pub fn daemon_log(host: &dyn Host, text: &str) -> Result<PathBuf, Refusal> {
    existing_dirpath(host, text).map(Into::into)
}

#[cfg(test)]
mod tests {
    use model::{Level, Signal};

    use super::{
        autorestart, boolean, byte_size, exit_codes, inet_address, level, name, octal, signal, strings, tcp_socket,
    };
    use crate::types::Autorestart;

    #[test]
    fn sizes_have_units_of_two_letters() {
        for (text, bytes) in
            [("0", 0), ("1KB", 1024), ("1kb", 1024), ("3Mb", 3 << 20), ("1GB", 1 << 30), ("10 MB", 10 << 20)]
        {
            assert_eq!(byte_size(text), Ok(bytes), "{text}");
        }
        assert_eq!(byte_size("MB").unwrap_err(), "invalid literal for int() with base 10: ''");
        assert_eq!(byte_size("1K").unwrap_err(), "invalid literal for int() with base 10: '1k'");
    }

    #[test]
    fn words_are_refused_in_the_references_words() {
        assert_eq!(boolean("maybe").unwrap_err(), "not a valid boolean value: 'maybe'");
        assert_eq!(autorestart("Always").unwrap_err(), "invalid 'autorestart' value 'always'");
        assert_eq!(octal("rwx").unwrap_err(), "rwx can not be converted to an octal type");
        assert_eq!(signal("BOGUS").unwrap_err(), "value 'BOGUS' is not a valid signal name");
        assert_eq!(signal("99").unwrap_err(), "value '99' is not a valid signal number");
        assert_eq!(exit_codes("0,").unwrap_err(), "not a valid list of exit codes: '0,'");
        assert_eq!(name("a b:c").unwrap_err(), "Invalid name: 'a b:c' because of character: ' '");
        assert_eq!(level("loud").unwrap_err(), "bad logging level name 'loud'");
    }

    #[test]
    fn good_values_are_taken() {
        assert_eq!((boolean("On"), autorestart("UNEXPECTED")), (Ok(true), Ok(Autorestart::Unexpected)));
        assert_eq!((octal("0777"), signal("hup"), level("WARN")), (Ok(0o777), Ok(Signal::HUP), Ok(Level::Warn)));
        assert_eq!(exit_codes("0, 2,255"), Ok(vec![0, 2, 255]));
        assert_eq!((strings(""), strings("a, b,")), (vec![], vec!["a".into(), "b".into(), String::new()]));
    }

    #[test]
    fn addresses_are_a_port_or_a_host_and_a_port() {
        for (text, host, port) in [
            ("9001", "", 9001),
            ("*:1", "", 1),
            (":80", "", 80),
            ("LOCALHOST:80", "localhost", 80),
            ("::1:80", "::1", 80),
        ] {
            assert_eq!(inet_address(text), Ok((host.into(), port)), "{text}");
        }
        for (text, words) in [
            ("abc", "not a valid port number: 'abc' "),
            ("h:", "no port number specified in ''"),
            ("h:0", "0 is below lower bound (1)"),
            ("h:65536", "65536 is above upper bound (65535)"),
            ("h:x", "invalid literal for int() with base 10: 'x'"),
        ] {
            assert_eq!(inet_address(text).unwrap_err(), words);
        }
        assert_eq!(tcp_socket("tcp://Host:9000"), Some(Ok(("host".into(), 9000))));
        assert_eq!(tcp_socket("tcp://host:x"), None);
        assert_eq!(tcp_socket("http://host:1"), None);
    }
}
