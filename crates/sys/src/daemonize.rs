//! Going into the background, step by step, so that the caller can log between the steps.
#![allow(unsafe_code, reason = "fork(2) and the standard descriptors")]

use std::io;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{setsid, umask};

/// Go on in a child, and end the parent with status 0.
///
/// Only while there is one thread: another would not be in the child, and its locks would stay shut.
///
/// # Errors
/// EAGAIN, ENOMEM: no process is to be had; this one goes on.
pub fn fork_away() -> io::Result<()> {
    // SAFETY: the caller promises that there is one thread, so the child's memory is consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(()),
        // SAFETY: _exit(2) runs nothing; buffers and exit handlers are the child's now.
        _ => unsafe { libc::_exit(0) },
    }
}

/// Leave the terminal: the standard descriptors become /dev/null, and this process leads a session of its own.
///
/// # Errors
/// /dev/null cannot be opened.
pub fn detach() -> io::Result<()> {
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    for standard in 0..3 {
        // SAFETY: replacing a standard descriptor closes nothing that has an owner in Rust's sense.
        if unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), standard) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // Fails only if it leads one already.
    let _ = setsid();
    Ok(())
}

/// Set this process' umask.
pub fn set_umask(mask: u32) {
    umask(Mode::from_raw_mode(mask));
}

/// Have descriptors 0 to 2 open, /dev/null where they are not: else the first file opened would become stdout.
///
/// # Errors
/// /dev/null cannot be opened.
pub fn have_standard_descriptors() -> io::Result<()> {
    loop {
        let null = open("/dev/null", OFlags::RDWR, Mode::empty())?;
        if std::os::fd::AsRawFd::as_raw_fd(&null) > 2 {
            return Ok(());
        }
        // It fills the hole for good.
        std::mem::forget(null);
    }
}
