//! Descriptors and a text that go through execve(2): left behind by one program of this process, taken up by the next.
//!
//! A descriptor is named by its number, and by device and inode, so that another one of that number is not taken for it.
//! Deliberately absent: what the descriptors are.
#![allow(unsafe_code, reason = "descriptors known by number, and the environment")]

use std::ffi::{CString, OsString, c_char};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{MemfdFlags, fstat, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};

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
///
/// By execve(2) itself: `std::process` calls execvp(3), which has a shell run what is no program, and the daemon were gone.
#[must_use]
pub fn become_program(program: &Path, (name, value): (&str, &str)) -> io::Error {
    let others = std::env::vars_os().filter(|(other, _)| other != name);
    let variable = |(name, value): (OsString, OsString)| [name.as_bytes(), value.as_bytes()].join(&b'=');
    let environment = others.chain([(name.into(), value.into())]).map(variable);
    let arguments = std::env::args_os().map(OsString::into_vec);
    let strings = |texts: &mut dyn Iterator<Item = Vec<u8>>| texts.map(CString::new).collect::<Result<Vec<_>, _>>();
    let prepared = CString::new(program.as_os_str().as_bytes())
        .and_then(|program| Ok((program, strings(&mut { arguments })?, strings(&mut { environment })?)));
    let (program, arguments, environment) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return error.into(),
    };
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(&arguments), pointers(&environment));
    // SAFETY: all three point to strings that live until the end of this function, each list ends with a null.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
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
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "exit 0\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(become_program(&script, ("A", "b")).raw_os_error(), Some(libc::ENOEXEC), "no shell tries it");
    }
}
