//! Messages from one thread to another that sleeps in epoll: a queue, and an eventfd that wakes the reader.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// The end that writes; cheap to clone.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// The end that reads. Its descriptor is readable while messages wait.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<VecDeque<T>>,
    bell: OwnedFd,
}

impl<T> Shared<T> {
    /// A panic elsewhere while the lock was held leaves the queue as it is: whole messages.
    fn queue(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mailbox.
///
/// # Errors
/// No descriptor is left (EMFILE, ENFILE).
pub fn mailbox<T>() -> io::Result<(Sender<T>, Receiver<T>)> {
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let shared = Arc::new(Shared { queue: Mutex::new(VecDeque::new()), bell });
    Ok((Sender(Arc::clone(&shared)), Receiver(shared)))
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Leave a message; never waits. Tells how many waited before it, for those who bound what they send.
    pub fn send(&self, message: T) -> usize {
        let mut queue = self.0.queue();
        let before = queue.len();
        queue.push_back(message);
        drop(queue);
        if before == 0 {
            // The counter cannot overflow: it is rung only when the queue was empty, and cleared when it is taken.
            let _ = rustix::io::write(&self.0.bell, &1_u64.to_ne_bytes());
        }
        before
    }

    /// How many messages wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.queue().len()
    }
}

impl<T> Receiver<T> {
    /// Take all messages that wait; never waits.
    pub fn take(&self) -> VecDeque<T> {
        // The bell is cleared first: a message that comes in between is taken now and rings once more for nothing.
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.0.bell, &mut count);
        std::mem::take(&mut *self.0.queue())
    }

    /// How many messages wait.
    #[cfg(test)]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.queue().len()
    }
}

impl<T> AsFd for Receiver<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }
}
