//! A child of the daemon that answers a question and is no program of anybody's: its output counts, not its status.
//!
//! It is started as programs are, because `std::process` waits for the exec and for a child whose exec failed, whom the
//! daemon's one loop may have reaped: that loop reaps every child that ends, and asks here whose a stranger was.
//! Deliberately absent: what the answers mean.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use model::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use crate::signals;
use crate::spawn::ChildPlan;

/// The children that have not been reaped, as far as is known here.
static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn children() -> MutexGuard<'static, Vec<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an asking ended.
#[derive(Debug)]
pub enum Answer {
    /// It has closed its output.
    Said(Vec<u8>),
    /// It took too long, and was killed.
    Late,
}

/// Once it has said all or was killed, it is gone within this time, or is left to whoever reaps.
const GONE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What a child prints to stdout, and to stderr if `both`: at most so many bytes of it, within this time. Waits.
///
/// # Errors
/// There is no process or descriptor left. What goes wrong in the child is told on its stderr.
pub fn ask(plan: &ChildPlan, stdin: BorrowedFd<'_>, both: bool, most: u64, time: Duration) -> io::Result<Answer> {
    let (mut output, theirs) = io::pipe()?;
    let null = File::options().write(true).open("/dev/null")?;
    let stderr = if both { theirs.as_fd() } else { null.as_fd() };
    let child = {
        // Whoever reaps it meanwhile waits here until it is known.
        let mut children = children();
        let pid = plan.spawn([stdin, theirs.as_fd(), stderr])?;
        children.push(pid);
        Child { pid, pidfd: pidfd_of(pid) }
    };
    // Without our copy of its end the output ends with it.
    drop(theirs);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What came before an error counts; the asker may have given up.
        let _ = output.by_ref().take(most).read_to_end(&mut text);
        let _ = tell.send(text);
    });
    let answer = told.recv_timeout(time);
    end(&child, answer.is_err());
    Ok(answer.map_or(Answer::Late, Answer::Said))
}

/// A child that was asked, and where its end is told: `None` if that has come, or on kernels without.
struct Child {
    pid: u32,
    pidfd: Option<OwnedFd>,
}

fn pidfd_of(pid: u32) -> Option<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Waits for its end, not for ever; kills it first if nothing more is expected of it.
fn end(child: &Child, kill: bool) {
    if let Some(pidfd) = &child.pidfd {
        if kill {
            let _ = signals::send_by(pidfd, Signal::KILL);
        }
        let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&GONE));
    }
    let mut children = children();
    let Some(pid) = i32::try_from(child.pid).ok().and_then(Pid::from_raw) else { return };
    // One that has been reaped elsewhere, or lives on, stays on the list for whoever reaps.
    if children.contains(&child.pid) && matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))) {
        children.retain(|&pid| pid != child.pid);
    }
}

/// Kills those that have not answered: whoever asked is about to end, and nobody is left who would.
pub fn end_all() {
    // On the list is only who has not been reaped: the number is still its own.
    for &pid in children().iter() {
        let _ = signals::send(pid, Signal::KILL, false);
    }
}

/// True if this child, which has just been reaped, was one of those that were asked.
#[must_use]
pub fn was_asked(pid: u32) -> bool {
    let mut children = children();
    let before = children.len();
    children.retain(|&child| child != pid);
    children.len() < before
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::spawn::ChildSpec;

    fn run(program: &str, script: &str, time: Duration) -> Answer {
        let argv = [program, "-c", script].map(Into::into).to_vec();
        let plan = ChildPlan::new(ChildSpec { program: PathBuf::from(program), argv, ..ChildSpec::default() }).unwrap();
        let null = File::open("/dev/null").unwrap();
        ask(&plan, null.as_fd(), true, 64, time).unwrap()
    }

    fn said(program: &str, script: &str) -> String {
        match run(program, script, Duration::from_secs(20)) {
            Answer::Said(text) => String::from_utf8(text).unwrap(),
            Answer::Late => panic!("{script}"),
        }
    }

    #[test]
    fn what_is_said_is_bounded_and_who_takes_too_long_is_killed() {
        assert_eq!(said("/bin/sh", "echo one; echo two >&2"), "one\ntwo\n");
        assert_eq!(said("/bin/sh", "i=0; while [ $i -lt 99 ]; do echo 123; i=$((i+1)); done").len(), 64);
        assert!(said("/no/such", "").contains("couldn't exec /no/such: ENOENT"));
        assert!(matches!(run("/bin/sh", "sleep 60", Duration::from_millis(50)), Answer::Late));
        assert!(!was_asked(1));
    }
}
