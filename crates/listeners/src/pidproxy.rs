//! `pidproxy`: runs a command that forks its real work away, and passes signals on to the process named in a pid file.
//!
//! It sleeps until a signal comes or the command ends, where the reference looks every five seconds. Its status is 0 then,
//! whatever the command's. Deliberately absent: following the process of the pid file to its end, as in the reference.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};

use model::Signal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sys::signals::{self, Receiver};

use crate::stage::Stage;

/// What is passed on.
const PASSED: [Signal; 6] = [Signal::TERM, Signal::HUP, Signal::INT, Signal::USR1, Signal::USR2, Signal::QUIT];
/// Those that end the proxy too.
const LAST: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];
/// Bytes of a pid file that are looked at.
const PID_FILE: u64 = 256;

const USAGE: &str = "\
Usage: pidproxy <pidfile> <command> [<argument>...]

Runs the command and passes the signals it gets (TERM, HUP, INT, USR1, USR2, QUIT) on to the process
whose id is in the pidfile. It ends with the command, or after TERM, INT or QUIT.
";

/// The program.
pub fn main() -> ExitCode {
    Stage::real("pidproxy", run)
}

/// Runs it on a stage; its exit status.
pub fn run(stage: &mut Stage) -> u8 {
    let arguments = stage.arguments.clone();
    let [pidfile, program, arguments @ ..] = &arguments[..] else {
        stage.print(USAGE);
        return 1;
    };
    match proxy(stage, Path::new(pidfile), program, arguments) {
        Ok(status) => status,
        Err(why) => {
            stage.complain(&format!("{program}: {why}"));
            // As from the reference, whose child fails out of its sight.
            0
        }
    }
}

fn proxy(stage: &mut Stage, pidfile: &Path, program: &str, arguments: &[String]) -> io::Result<u8> {
    // Before there is a child, so that no signal is lost between the two.
    let signals = Receiver::new(&PASSED)?;
    let mut command = Command::new(file(program));
    command.arg0(program).args(arguments);
    signals::unblock_in(&mut command);
    let mut child = command.spawn()?;
    let ended = watch(&child)?;
    loop {
        let mut fds = [PollFd::new(&signals, PollFlags::IN), PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for signal in signals.take()? {
            if let Some(status) = pass(stage, pidfile, signal) {
                return Ok(status);
            }
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return Ok(0);
        }
    }
}

/// The file to execute: relative to the working directory as for the reference; only what is not there is looked for in
/// PATH.
fn file(program: &str) -> PathBuf {
    let here = std::path::absolute(program).unwrap_or_else(|_| program.into());
    if program.contains('/') || here.exists() { here } else { program.into() }
}

fn watch(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a child without a process id"))?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Pass a signal on; the status to end with, if it was the last.
fn pass(stage: &mut Stage, pidfile: &Path, signal: Signal) -> Option<u8> {
    let Some(pid) = read(pidfile) else {
        stage.print(&format!("Can't read child pidfile {}!\n", pidfile.display()));
        return None;
    };
    let is_last = LAST.contains(&signal);
    match signals::send(pid, signal, false) {
        Ok(()) => is_last.then_some(0),
        Err(why) => {
            stage.complain(&format!(
                "cannot pass {} on to process {pid} of {}: {why}",
                signal.name(),
                pidfile.display()
            ));
            is_last.then_some(1)
        }
    }
}

/// The process id in a file. 0 and negative numbers would be groups of processes, or all.
fn read(pidfile: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(pidfile).ok()?.take(PID_FILE).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|&pid| pid > 0)
}

#[cfg(test)]
mod tests {
    use super::{file, read};

    #[test]
    fn a_pid_file_holds_one_positive_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        for (text, pid) in [(" 12\n", Some(12)), ("0", None), ("-1", None), ("", None), ("12 13", None)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path), pid, "{text:?}");
        }
        assert_eq!(read(&folder.path().join("none")), None);
    }

    #[test]
    fn a_bare_name_that_is_not_here_is_looked_for_in_the_path() {
        assert_eq!(file("cat").as_os_str(), "cat");
        assert!(file("Cargo.toml").is_absolute());
        assert!(file("./cat").is_absolute());
    }
}
