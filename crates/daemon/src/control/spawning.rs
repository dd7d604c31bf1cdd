//! From an order of the engine to a child: pipes and the fork.
//!
//! A start goes: an errand makes the plan → the plane opens the sinks → pipes and fork → the plane gets the pipes. What
//! fails on the way is told in the words of the reference's `spawnerr`. Deliberately absent: the plan (that is `office`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use config::OutputConfig;
use engine::{ProcessId, SpawnError, SpawnOrder};
use model::{Channel, limits::DESCRIPTORS_KEPT};
use rustix::io::Errno;
use sys::pipes::{self, ChildPipe, PipeOptions};
use sys::spawn::ChildPlan;
use sys::{clock, process};

use super::office::Planned;
use crate::plane::ChannelOrder;
use crate::survive::Kept;

/// A start that waits for its sinks.
#[derive(Debug)]
pub struct Pending {
    /// What was ordered.
    pub order: Box<SpawnOrder>,
    /// How.
    pub planned: Planned,
}

/// A start under way.
#[derive(Debug, PartialEq, Eq)]
pub enum Launch {
    /// Its sinks are being opened.
    Opening(ProcessId),
    /// It failed before that, and those before it have not been told yet.
    Failed(ProcessId, SpawnError),
}

/// A fresh child and our ends of its pipes.
#[derive(Debug)]
pub struct Fresh {
    /// Its process id.
    pub pid: u32,
    /// When it started, in ticks of the process table; 0 if that is not known.
    pub start: u64,
    /// To its stdin, unless that is a socket.
    pub stdin: Option<OwnedFd>,
    /// The inode of the socket that is its stdin.
    pub socket: Option<u64>,
    /// From its stdout.
    pub stdout: OwnedFd,
    /// From its stderr, unless it is redirected.
    pub stderr: Option<OwnedFd>,
}

impl Fresh {
    /// By what a successor knows it again. A socket has the same inode in the child.
    pub fn kept(&self) -> Kept {
        let inode = |fd: &Option<OwnedFd>| fd.as_ref().and_then(pipes::inode);
        Kept {
            pid: self.pid,
            start: self.start,
            pipes: [self.socket.or(inode(&self.stdin)), pipes::inode(&self.stdout), inode(&self.stderr)],
        }
    }
}

/// What pipes are made of: a child holds both ends of its own, so that they outlive the daemon.
const PIPE: PipeOptions = PipeOptions { survivable: true, size: None };

/// Make the pipes and fork. `socket` is the child's stdin where it is a FastCGI program.
///
/// # Errors
/// In the words of `spawnerr`.
pub fn spawn(order: &SpawnOrder, plan: &ChildPlan, socket: Option<OwnedFd>) -> Result<Fresh, SpawnError> {
    let name = &order.config.name;
    let pipes = Pipes::new(order, socket).map_err(|error| SpawnError::Other(no_pipes(name, &error)))?;
    let from = clock::now();
    let pid = plan.spawn(pipes.theirs()).map_err(|error| SpawnError::Other(no_fork(name, &error)))?;
    let start = process::start_between(pid, from, clock::now()).unwrap_or(0);
    Ok(pipes.ours(pid, start))
}

/// Our ends and the child's of its descriptors 0 to 2.
struct Pipes {
    stdin: Result<ChildPipe, OwnedFd>,
    stdout: ChildPipe,
    stderr: Option<ChildPipe>,
}

impl Pipes {
    fn new(order: &SpawnOrder, socket: Option<OwnedFd>) -> io::Result<Self> {
        let redirected = order.config.redirect_stderr && !order.listener;
        let pipes = Self {
            stdin: match socket {
                Some(socket) => Err(socket),
                None => Ok(pipes::input(PIPE)?),
            },
            stdout: pipes::output(PIPE)?,
            stderr: if redirected { None } else { Some(pipes::output(PIPE)?) },
        };
        // The kernel gives the lowest number that is free: this one says how many are left.
        let highest = u64::try_from(pipes.stdout.ours.as_raw_fd()).unwrap_or(0);
        // The limit may be lowered from outside while the daemon runs (prlimit).
        let most = sys::limits::get(sys::limits::Resource::Files).soft;
        if highest.saturating_add(DESCRIPTORS_KEPT) >= most {
            return Err(Errno::MFILE.into());
        }
        Ok(pipes)
    }

    fn theirs(&self) -> [std::os::fd::BorrowedFd<'_>; 3] {
        let stdin = match &self.stdin {
            Ok(pipe) => pipe.theirs.as_fd(),
            Err(socket) => socket.as_fd(),
        };
        let stdout = self.stdout.theirs.as_fd();
        [stdin, stdout, self.stderr.as_ref().map_or(stdout, |pipe| pipe.theirs.as_fd())]
    }

    fn ours(self, pid: u32, start: u64) -> Fresh {
        Fresh {
            pid,
            start,
            socket: self.stdin.as_ref().err().and_then(pipes::inode),
            stdin: self.stdin.ok().map(|pipe| pipe.ours),
            stdout: self.stdout.ours,
            stderr: self.stderr.map(|pipe| pipe.ours),
        }
    }
}

/// The words for sinks or pipes that cannot be opened; `error` is errno's name.
pub fn no_dispatchers(name: &str, error: &str) -> String {
    if error == "EMFILE" {
        format!("too many open files to spawn '{name}'")
    } else {
        format!("unknown error making dispatchers for '{name}': {error}")
    }
}

fn no_pipes(name: &str, error: &io::Error) -> String {
    no_dispatchers(name, &sys::errno::of(error))
}

/// The words for a fork that the kernel refuses.
pub fn no_fork(name: &str, error: &io::Error) -> String {
    match sys::errno::of(error).as_str() {
        "EAGAIN" => format!("Too many processes in process table to spawn '{name}'"),
        other => format!("unknown error during fork for '{name}': {other}"),
    }
}

/// The sinks of a process.
pub fn channels(order: &SpawnOrder) -> [Option<ChannelOrder>; 2] {
    let group: Arc<str> = order.group.as_str().into();
    let make = |channel, path: &Option<std::path::PathBuf>, config: &OutputConfig| ChannelOrder {
        path: path.clone(),
        config: config.clone(),
        strip_ansi: order.config.strip_ansi,
        channel,
        group: group.clone(),
    };
    let [out, err] = &order.logs;
    let stderr =
        (!order.config.redirect_stderr || order.listener).then(|| make(Channel::Stderr, err, &order.config.stderr));
    [Some(make(Channel::Stdout, out, &order.config.stdout)), stderr]
}
