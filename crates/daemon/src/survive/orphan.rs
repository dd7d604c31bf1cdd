//! A program that a dead daemon has left: found again, and its pipes opened once more.
//!
//! Its pipes live because the program itself holds both ends of each. Deliberately absent: who is to be adopted, and how
//! others are ended (that is `ending`).

use std::os::fd::OwnedFd;

use engine::{ProcessId, SpawnOrder};
use rustix::fs::OFlags;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use sys::{pipes, process};

use super::record::Kept;

/// A program that still runs.
#[derive(Debug)]
pub struct Orphan {
    /// As it would be ordered now.
    pub order: SpawnOrder,
    /// By what it is known.
    pub kept: Kept,
    /// Readable once it has ended.
    pub pidfd: OwnedFd,
    /// To its stdin, unless that is a socket.
    pub stdin: Option<OwnedFd>,
    /// From its stdout and stderr.
    pub output: [Option<OwnedFd>; 2],
    /// The listening socket that is its stdin.
    pub socket: Option<OwnedFd>,
}

/// The process of this record, if it still runs: a number that was given anew is not taken for it.
pub fn find(kept: &Kept) -> Option<OwnedFd> {
    let pid = i32::try_from(kept.pid).ok().and_then(Pid::from_raw)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    process::row(kept.pid).filter(|row| row.start == kept.start && !row.zombie).map(|_| pidfd)
}

impl Orphan {
    /// Opens its pipes again. What cannot be opened (it has closed it, or we may not look into it) is told in words.
    pub fn open(order: SpawnOrder, kept: Kept, pidfd: OwnedFd) -> (Self, Vec<String>) {
        let mut trouble = Vec::new();
        let mut reopen = |place: u32, inode: Option<u64>, flags| {
            let result = pipes::reopen_in(kept.pid, inode?, place, flags);
            result.map_err(|error| trouble.push(sys::errno::of(&error))).ok()
        };
        let [input, out, err] = kept.pipes;
        let is_socket = order.socket.is_some();
        let stdin = reopen(0, input.filter(|_| !is_socket), OFlags::WRONLY);
        let output = [reopen(1, out, OFlags::RDONLY), reopen(2, err, OFlags::RDONLY)];
        let mut socket = None;
        if is_socket {
            // A socket cannot be opened by a path; the process itself must hand out its own.
            let copy = pidfd_getfd(&pidfd, 0, PidfdGetfdFlags::empty());
            socket = copy.ok().filter(|socket| pipes::inode(socket) == input);
            if socket.is_none() {
                trouble.push("its socket may not be taken over".into());
            }
        }
        (Self { order, kept, pidfd, stdin, output, socket }, trouble)
    }

    /// Which process it is.
    pub const fn process(&self) -> ProcessId {
        self.order.process
    }
}
