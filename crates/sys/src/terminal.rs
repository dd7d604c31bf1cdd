//! A terminal that does not show what is typed, for passwords, or that hands over keys before a line is whole.
//!
//! Deliberately absent: raw modes and editing, which the line editor's library does.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A terminal in another mode, until this is dropped.
pub struct Changed<F: AsFd> {
    terminal: F,
    before: Termios,
    flush: OptionalActions,
}

/// From now on the terminal shows nothing of what is typed. What was typed before is dropped, as it was not typed for
/// this question.
///
/// # Errors
/// Not a terminal (tcgetattr(3)).
pub fn hide_input<F: AsFd>(terminal: F) -> io::Result<Changed<F>> {
    Changed::begin(terminal, LocalModes::ECHO, OptionalActions::Flush)
}

/// From now on every key is handed over at once, Ctrl-C and Ctrl-D too, and none is shown.
///
/// # Errors
/// Not a terminal (tcgetattr(3)).
pub fn take_keys<F: AsFd>(terminal: F) -> io::Result<Changed<F>> {
    Changed::begin(terminal, LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG, OptionalActions::Drain)
}

impl<F: AsFd> Changed<F> {
    fn begin(terminal: F, without: LocalModes, flush: OptionalActions) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut mode = before.clone();
        mode.local_modes.remove(without);
        tcsetattr(&terminal, flush, &mode)?;
        Ok(Self { terminal, before, flush })
    }

    /// Wait until something was typed, or the terminal has gone.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn wait(&self) -> io::Result<()> {
        loop {
            match poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], None) {
                Err(Errno::INTR) => {}
                done => return done.map(|_| ()).map_err(Into::into),
            }
        }
    }
}

impl<F: AsFd> Drop for Changed<F> {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that has gone.
        let _ = tcsetattr(&self.terminal, self.flush, &self.before);
    }
}

impl<F: AsFd> std::fmt::Debug for Changed<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changed").finish_non_exhaustive()
    }
}
