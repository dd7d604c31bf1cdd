//! Asking the machine's own name service (LDAP, sssd, DNS), by a `getent` child: a static glibc must not load its modules.
//!
//! The daemon's one loop reaps every child that ends, these too: it asks here whose a stranger was. Their output counts, not
//! their status. Deliberately absent: what the answers mean.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use crate::signals;

/// How long an answer may take: a directory server that does not answer must not hold up anything for ever.
const TIME: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const MOST: u64 = 64 * 1024;

/// The children that have not been reaped, as far as is known here.
static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn children() -> MutexGuard<'static, Vec<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `getent DATABASE KEY` prints; nothing if it does not know, is not there, or takes too long.
///
/// A key that looks like an option, or could not be a name, is never asked for.
#[must_use]
pub fn ask(database: &str, key: &str) -> Option<String> {
    if key.is_empty() || key.starts_with('-') || key.contains([':', '\0']) || key.contains(char::is_whitespace) {
        return None;
    }
    let mut command = Command::new("getent");
    command.args([database, key]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    signals::unblock_in(&mut command);
    let mut child = {
        // Whoever reaps it meanwhile waits here until it is known.
        let mut children = children();
        let child = command.spawn().ok()?;
        children.push(child.id());
        child
    };
    let mut output = child.stdout.take()?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let good = output.by_ref().take(MOST).read_to_string(&mut text).is_ok();
        // The asker may have given up.
        let _ = tell.send(good.then_some(text));
    });
    let answer = told.recv_timeout(TIME);
    // While it is on the list nobody has reaped it, so its number is its own.
    let mut children = children();
    if children.contains(&child.id()) {
        if answer.is_err() {
            let _ = child.kill();
        }
        let _ = child.wait();
        children.retain(|&pid| pid != child.id());
    }
    answer.ok().flatten()
}

/// True if this child, which has just been reaped, was one of those that ask.
#[must_use]
pub fn was_asking(pid: u32) -> bool {
    let mut children = children();
    let before = children.len();
    children.retain(|&child| child != pid);
    children.len() < before
}

#[cfg(test)]
mod tests {
    use super::{ask, was_asking};

    #[test]
    fn what_the_machine_knows_is_told_and_nothing_else_is_asked() {
        assert!(ask("passwd", "root").unwrap().starts_with("root:"));
        for key in ["no-such-user", "--help", "", "a b", "root:x"] {
            assert_eq!(ask("passwd", key).unwrap_or_default(), "", "{key}");
        }
        assert!(!was_asking(1));
    }
}
