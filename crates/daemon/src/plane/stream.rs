//! A log that is no file: a pipe, a terminal, a socket, a device such as /dev/null. Never seeked, never rotated.
//!
//! It is written without ever waiting, and without changing flags that others share: through an open file description of
//! its own where one can be had. What does not go out waits up to a bound, and programs that write to it are not read
//! meanwhile: they feel a full pipe, and everybody else goes on.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use model::{Level, limits};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use sys::errno;

use super::backlog::Backlog;
use super::file::lost_words;
use super::sink::Notices;

/// What a pipe that poll(2) calls writable takes at once without waiting (pipe(7), PIPE_BUF).
const PIPE_BUF: usize = 4096;

/// A stream.
#[derive(Debug)]
pub struct Stream {
    name: String,
    fd: OwnedFd,
    way: Way,
    backlog: Backlog,
    trouble: Option<Trouble>,
}

/// How it is written without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The open file description is ours alone and has O_NONBLOCK.
    Own,
    /// A socket: each call says so.
    Socket,
    /// Shared and not to be reopened (another user's terminal): asked before each small write.
    Asked,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Nobody takes its bytes, and some were dropped.
    Stalled,
    /// Writing fails.
    Broken,
}

impl Stream {
    /// A stream whose open file description nobody else uses, opened with O_NONBLOCK.
    pub fn own(name: &Path, fd: OwnedFd) -> Self {
        Self::new(name, fd, Way::Own)
    }

    /// A descriptor of this process that cannot be opened again.
    ///
    /// # Errors
    /// It is not open.
    pub fn shared(name: &Path, fd: BorrowedFd<'_>) -> io::Result<Self> {
        let copy = rustix::io::fcntl_dupfd_cloexec(fd, 3)?;
        let socket = rustix::net::sockopt::socket_type(&copy).is_ok();
        Ok(Self::new(name, copy, if socket { Way::Socket } else { Way::Asked }))
    }

    fn new(name: &Path, fd: OwnedFd, way: Way) -> Self {
        Self { name: name.display().to_string(), fd, way, backlog: Backlog::new(), trouble: None }
    }

    /// What waits for it, and how much was lost so far.
    pub fn so_far(&self) -> (Vec<u8>, u64) {
        self.backlog.so_far()
    }

    /// Go on with what waited for it under another daemon.
    pub fn resume(&mut self, bytes: Vec<u8>, lost: u64) {
        self.backlog.resume(bytes, lost);
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Write all of it, now or later; never fails and never waits.
    pub fn write(&mut self, data: &[u8], notices: &mut Notices) {
        let mut written = 0;
        if self.backlog.is_empty() {
            match self.push(data) {
                Ok(count) => written = count,
                Err(error) => {
                    self.backlog.lose(data.len());
                    self.broken(&error, notices);
                    return;
                }
            }
        }
        let rest = data.get(written..).unwrap_or_default();
        if rest.is_empty() {
            return self.well(notices);
        }
        let over = self.backlog.len() + rest.len() > limits::STREAM_BACKLOG;
        self.backlog.push(rest, limits::STREAM_BACKLOG);
        if over && self.trouble.is_none() {
            self.trouble = Some(Trouble::Stalled);
            notices.push((Level::Warn, format!("nobody reads what is logged to {}: output for it is lost", self.name)));
        }
    }

    /// It takes bytes again: write what waits.
    pub fn flush(&mut self, notices: &mut Notices) {
        while !self.backlog.is_empty() {
            let front = self.backlog.front();
            match self.push(front) {
                Ok(0) => return,
                Ok(count) => self.backlog.consume(count),
                Err(error) => {
                    self.backlog.drop_all();
                    return self.broken(&error, notices);
                }
            }
        }
        self.well(notices);
    }

    /// Write what goes out at once; how much that was.
    fn push(&self, data: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            let result = match self.way {
                Way::Own => rustix::io::write(&self.fd, rest),
                Way::Socket => send(&self.fd, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
                Way::Asked if !self.takes() => Err(Errno::AGAIN),
                Way::Asked => rustix::io::write(&self.fd, rest.get(..PIPE_BUF).unwrap_or(rest)),
            };
            match result {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(written)
    }

    fn takes(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    fn broken(&mut self, error: &io::Error, notices: &mut Notices) {
        if self.trouble != Some(Trouble::Broken) {
            self.trouble = Some(Trouble::Broken);
            let reason = errno::of(error);
            notices.push((Level::Error, format!("can't log to {}: {reason}; output for it is lost", self.name)));
        }
    }

    fn well(&mut self, notices: &mut Notices) {
        if self.trouble.take().is_some() {
            let lost = self.backlog.take_lost();
            notices.push((Level::Info, format!("{} takes logs again{}", self.name, lost_words(lost))));
        }
    }

    /// True while so much waits that its programs are not to be read.
    pub fn is_full(&self) -> bool {
        self.backlog.len() >= limits::STREAM_FULL
    }

    /// True while something waits for it to take bytes again.
    pub fn is_waiting(&self) -> bool {
        !self.backlog.is_empty()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
