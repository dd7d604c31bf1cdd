//! What waits to be written to one child's stdin. Never waits for the child: what the pipe does not take is kept up to a
//! bound and written when epoll says that there is room.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use model::limits::STDIN_BUFFER;
use rustix::io::Errno;
use sys::poll::{Interest, Poll};

/// The pipe to a child's stdin.
#[derive(Debug)]
pub struct Stdin {
    pipe: Option<OwnedFd>,
    token: u64,
    waiting: VecDeque<u8>,
    watched: bool,
}

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The child has closed it.
    Closed,
    /// So much waits already that this would pass the bound.
    Full,
}

impl Stdin {
    /// For this pipe, which does not block.
    pub const fn new(pipe: Option<OwnedFd>, token: u64) -> Self {
        Self { pipe, token, waiting: VecDeque::new(), watched: false }
    }

    /// One that goes on where that of another daemon was.
    pub fn resume(pipe: Option<OwnedFd>, token: u64, waiting: Vec<u8>) -> Self {
        Self { pipe, token, waiting: waiting.into(), watched: false }
    }

    /// The pipe, and what waits for it.
    pub fn go(self) -> (Option<OwnedFd>, Vec<u8>) {
        (self.pipe, self.waiting.into())
    }

    /// Takes all of `data`, or nothing.
    ///
    /// # Errors
    /// Why nothing was taken.
    pub fn write(&mut self, poll: &Poll, data: &[u8]) -> Result<(), Refused> {
        if self.pipe.is_none() {
            return Err(Refused::Closed);
        }
        if !self.waiting.is_empty() && self.waiting.len() + data.len() > STDIN_BUFFER {
            return Err(Refused::Full);
        }
        self.waiting.extend(data);
        self.flush(poll)
    }

    /// Writes what the pipe takes now.
    ///
    /// # Errors
    /// The child has closed it; what waited is lost with it.
    pub fn flush(&mut self, poll: &Poll) -> Result<(), Refused> {
        let Some(pipe) = &self.pipe else { return Err(Refused::Closed) };
        while !self.waiting.is_empty() {
            match rustix::io::write(pipe, self.waiting.as_slices().0) {
                Ok(count) => {
                    self.waiting.drain(..count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    self.close(poll);
                    return Err(Refused::Closed);
                }
            }
        }
        self.watch(poll);
        Ok(())
    }

    /// Nothing more can be written.
    pub fn close(&mut self, poll: &Poll) {
        self.waiting = VecDeque::new();
        self.watch(poll);
        self.pipe = None;
    }

    /// Is woken for room only while something waits for it.
    fn watch(&mut self, poll: &Poll) {
        let wanted = !self.waiting.is_empty();
        let Some(pipe) = self.pipe.as_ref().filter(|_| wanted != self.watched) else { return };
        let done = if wanted { poll.add(pipe, self.token, Interest::Write) } else { poll.remove(pipe) };
        self.watched = wanted && done.is_ok();
        if !wanted {
            self.waiting.shrink_to(0);
        }
    }
}
