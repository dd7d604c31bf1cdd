//! Shell commands that a user configured (sendmail, gcore): run with their input, within a time and a size.
//!
//! The reference waits for them for ever and lets them write into the listener's own stdout, which breaks the protocol with
//! the daemon. Here what a command prints is taken or goes to stderr, and one that hangs is killed with all it has started.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Bytes of a command's output that are kept; what comes after them is read and dropped.
const OUTPUT: usize = 1024 * 1024;
/// Bytes moved at once: what a pipe takes without blocking once it polls writable is at least a page.
const PIECE: usize = 4096;

/// Where a command's stdout goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// To our stderr.
    ToStderr,
    /// Into the answer.
    Taken,
}

/// Why a command did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started or watched.
    #[error("cannot run it: {0}")]
    Io(#[from] io::Error),
    /// It took too long and was killed.
    #[error("it did not end within {} s and was killed", .0.as_secs())]
    TooLong(Duration),
}

/// How a command ended.
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// What it printed, if it was taken.
    pub printed: Vec<u8>,
}

/// A command line for `/bin/sh`.
#[must_use]
pub fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// Run a command to its end with this input.
///
/// # Errors
/// The command cannot be started, or has not ended within `limit`.
pub fn run(mut command: Command, input: &[u8], printed: Printed, limit: Duration) -> Result<Ended, ChildError> {
    let deadline = Instant::now() + limit;
    let stdout = match printed {
        Printed::Taken => Stdio::piped(),
        Printed::ToStderr => Stdio::from(io::stderr().as_fd().try_clone_to_owned()?),
    };
    // A group of its own, so that a hung command is killed with its children.
    let mut child = command.stdin(Stdio::piped()).stdout(stdout).process_group(0).spawn()?;
    let mut flow = Flow { stdin: child.stdin.take(), stdout: child.stdout.take(), input, printed: Vec::new() };
    match flow.until_ended(&child, deadline) {
        Ok(true) => Ok(Ended { status: child.wait()?, printed: flow.printed }),
        outcome => {
            kill(&mut child);
            outcome?;
            Err(ChildError::TooLong(limit))
        }
    }
}

fn pid(child: &Child) -> io::Result<Pid> {
    let number = i32::try_from(child.id()).ok();
    number.and_then(Pid::from_raw).ok_or_else(|| io::Error::other("a child without a process id"))
}

fn kill(child: &mut Child) {
    if let Ok(pid) = pid(child) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait();
}

struct Flow<'a> {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    input: &'a [u8],
    printed: Vec<u8>,
}

impl Flow<'_> {
    /// Move bytes until the child has ended and its output is drained; false when the time is up.
    fn until_ended(&mut self, child: &Child, deadline: Instant) -> io::Result<bool> {
        let watched = pidfd_open(pid(child)?, PidfdFlags::empty())?;
        let mut ended = false;
        loop {
            if self.input.is_empty() {
                self.stdin = None;
            }
            if ended && !self.readable_now()? {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            ended |= self.step(&watched, left)?;
        }
    }

    /// Wait for one thing to happen and do it; true if the child has ended.
    fn step(&mut self, watched: &OwnedFd, left: Duration) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(watched, PollFlags::IN)];
        let writes = self.stdin.as_ref().map(|stdin| PollFd::new(stdin, PollFlags::OUT));
        let reads = self.stdout.as_ref().map(|stdout| PollFd::new(stdout, PollFlags::IN));
        let (has_stdin, has_stdout) = (writes.is_some(), reads.is_some());
        fds.extend(writes.into_iter().chain(reads));
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let happened: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let at = |index: usize| happened.get(index).copied().unwrap_or(false);
        if has_stdin && at(1) {
            self.write();
        }
        if has_stdout && at(1 + usize::from(has_stdin)) {
            self.read();
        }
        Ok(at(0))
    }

    fn write(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        let piece = self.input.get(..PIECE).unwrap_or(self.input);
        match stdin.write(piece) {
            Ok(count) => self.input = self.input.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It does not want the rest; its status tells whether that is well.
            Err(_) => self.input = &[],
        }
    }

    fn read(&mut self) {
        let Some(stdout) = &mut self.stdout else { return };
        let mut piece = [0; PIECE];
        match stdout.read(&mut piece) {
            Ok(count) if count > 0 => {
                let room = OUTPUT.saturating_sub(self.printed.len()).min(count);
                self.printed.extend_from_slice(piece.get(..room).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => self.stdout = None,
        }
    }

    /// True if output waits. After the command's end nobody waits for more: a grandchild may hold the pipe open.
    fn readable_now(&self) -> io::Result<bool> {
        let Some(stdout) = &self.stdout else { return Ok(false) };
        let mut fds = [PollFd::new(stdout, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&timespec(Duration::ZERO)))? > 0)
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(time.subsec_nanos()) }
}

#[cfg(test)]
mod tests {
    use super::{ChildError, Printed, run, shell};
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_command_gets_its_input_and_its_output_is_taken() {
        let input = vec![b'x'; 300_000];
        let ended = run(shell("cat; echo end; exit 3"), &input, Printed::Taken, LONG).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.printed.len(), 300_004);
    }

    #[test]
    fn a_command_that_does_not_read_is_no_failure() {
        let ended = run(shell("exec true"), &vec![b'x'; 300_000], Printed::ToStderr, LONG).unwrap();
        assert!(ended.status.success());
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let began = Instant::now();
        let outcome = run(shell("sleep 60 | cat"), b"", Printed::Taken, Duration::from_millis(200));
        assert!(matches!(outcome, Err(ChildError::TooLong(_))));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_grandchild_that_holds_the_output_open_is_not_waited_for() {
        let began = Instant::now();
        let ended = run(shell("echo done; sleep 60 &"), b"", Printed::Taken, LONG).unwrap();
        assert_eq!(ended.printed, b"done\n");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
