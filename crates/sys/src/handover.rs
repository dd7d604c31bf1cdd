//! Descriptors and a text that go through execve(2): left behind by one program of this process, taken up by the next.
//!
//! A descriptor is named by its number, and by device and inode, so that another one of that number is not taken for it.
//! Deliberately absent: what the descriptors are.
#![allow(unsafe_code, reason = "descriptors known by number, and the environment")]

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::signals;

/// A descriptor that nobody owns between two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its number.
    pub number: RawFd,
    /// Of the device that it is on.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// Leaves a descriptor to whoever takes it up. Until [`pass_on`] it still ends with an execve(2).
///
/// # Errors
/// None that are known.
pub fn leave(fd: OwnedFd) -> io::Result<Left> {
    let found = fstat(&fd)?;
    Ok(Left { number: fd.into_raw_fd(), device: found.st_dev, inode: found.st_ino })
}

/// Has it go through the next execve(2).
///
/// # Errors
/// It is not open.
pub fn pass_on(left: Left) -> io::Result<()> {
    Ok(fcntl_setfd(borrow(left), FdFlags::empty())?)
}

/// Takes a descriptor up; it does not go through another execve(2). Each is taken once: the caller sees to that.
///
/// # Errors
/// It is not open, is a standard descriptor, or is not the one that was left.
pub fn take(left: Left) -> io::Result<OwnedFd> {
    if left.number <= 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let found = fstat(borrow(left))?;
    if (found.st_dev, found.st_ino) != (left.device, left.inode) {
        return Err(io::Error::other(format!("descriptor {} is another one now", left.number)));
    }
    fcntl_setfd(borrow(left), FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and nobody owns it: it was left by `leave`, and is taken once.
    Ok(unsafe { OwnedFd::from_raw_fd(left.number) })
}

fn borrow<'a>(left: Left) -> BorrowedFd<'a> {
    // SAFETY: only system calls are made with it, which answer EBADF for a number that is not open; -1 is not let in.
    unsafe { BorrowedFd::borrow_raw(left.number.max(0)) }
}

/// A file in memory that holds this text, to be read from its beginning; it ends with an execve(2).
///
/// # Errors
/// ENOMEM, EMFILE, ENFILE.
pub fn text(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = std::fs::File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.into())
}

/// All of a text, from its beginning.
///
/// # Errors
/// Those of lseek(2) and read(2).
pub fn read(fd: &impl AsFd) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::from(fd.as_fd().try_clone_to_owned()?);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Takes a variable out of the environment: children do not see it.
///
/// To be called while there is one thread.
#[must_use]
pub fn take_variable(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    // SAFETY: the caller promises that no other thread reads the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    Some(value)
}

/// Becomes another program in this process, with the arguments of this one and a variable more. Returns only if it cannot.
#[must_use]
pub fn become_program(program: &Path, (name, value): (&str, &str)) -> io::Error {
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(first) = arguments.next() {
        command.arg0(first);
    }
    let error = command.args(arguments).env(name, value).exec();
    // It has undone this for the program that did not come.
    signals::ignore_write_signals();
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_taken_up_as_itself_and_no_other() {
        let left = leave(text("t", b"state").unwrap()).unwrap();
        pass_on(left).unwrap();
        let wrong = Left { inode: left.inode + 1, ..left };
        assert!(take(wrong).unwrap_err().to_string().contains("is another one now"));
        assert!(take(Left { number: 0, ..left }).is_err() && take(Left { number: -1, ..left }).is_err());
        let taken = take(left).unwrap();
        assert!(rustix::io::fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
        assert_eq!((read(&taken).unwrap(), read(&taken).unwrap()), (b"state".to_vec(), b"state".to_vec()));
    }

    #[test]
    fn a_program_that_is_not_there_is_not_become() {
        assert_eq!(become_program(Path::new("/no/such"), ("A", "b")).kind(), io::ErrorKind::NotFound);
    }
}
