//! Asking the machine's own name service (LDAP, sssd, DNS), by a `getent` child: a static glibc must not load its modules.
//!
//! Deliberately absent: what the answers mean, and the child itself (that is `helper`).

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::command::{self, DEFAULT_PATH};
use crate::helper::{self, Answer};
use crate::spawn::{ChildPlan, ChildSpec};

/// How long an answer may take: a directory server that does not answer must not hold up anything for ever.
const TIME: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const MOST: u64 = 64 * 1024;

/// What `getent DATABASE KEY` prints; nothing if it does not know, is not there, or takes too long.
///
/// A key that looks like an option, or could not be a name, is never asked for.
#[must_use]
pub fn ask(database: &str, key: &str) -> Option<String> {
    if key.is_empty() || key.starts_with('-') || key.contains([':', '\0']) || key.contains(char::is_whitespace) {
        return None;
    }
    let path = std::env::var("PATH").ok().filter(|path| !path.is_empty());
    let program = command::find("getent", path.as_deref().unwrap_or(DEFAULT_PATH)).ok()?;
    let argv = ["getent", database, key].map(OsString::from).to_vec();
    let plan =
        ChildPlan::new(ChildSpec { program, argv, environment: std::env::vars_os().collect(), ..ChildSpec::default() });
    match helper::ask(&plan.ok()?, File::open("/dev/null").ok()?.as_fd(), false, MOST, TIME).ok()? {
        Answer::Said(text) => String::from_utf8(text).ok(),
        Answer::Late => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ask;

    #[test]
    fn what_the_machine_knows_is_told_and_nothing_else_is_asked() {
        assert!(ask("passwd", "root").unwrap().starts_with("root:"));
        for key in ["no-such-user", "--help", "", "a b", "root:x"] {
            assert_eq!(ask("passwd", key).unwrap_or_default(), "", "{key}");
        }
    }
}
