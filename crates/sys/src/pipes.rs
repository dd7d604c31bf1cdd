//! Pipes between the daemon and its children.
//!
//! The two ends of a pipe are separate open file descriptions: ours does not wait (O_NONBLOCK), and the child's is as a
//! program expects it. All have close-on-exec; `spawn` puts the child's end in its place.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, open};
use rustix::path::DecInt;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

/// A pipe to or from a child.
#[derive(Debug)]
pub struct ChildPipe {
    /// The daemon's end; never waits.
    pub ours: OwnedFd,
    /// The child's end, to be dropped once the child has been started.
    pub theirs: OwnedFd,
}

/// What kind of pipe is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipeOptions {
    /// The child's end is opened for both reading and writing, so that the pipe lives as long as the child does: if the
    /// daemon dies, its output waits (no SIGPIPE) and its stdin does not end.
    pub survivable: bool,
    /// Bytes it should hold; the kernel rounds up, and refuses what is above its limit for ordinary users.
    pub size: Option<usize>,
}

/// A pipe for a child's stdout or stderr.
///
/// # Errors
/// EMFILE, ENFILE: no descriptor is left.
pub fn output(options: PipeOptions) -> io::Result<ChildPipe> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    finish(read, write, options)
}

/// A pipe for a child's stdin.
///
/// # Errors
/// EMFILE, ENFILE: no descriptor is left.
pub fn input(options: PipeOptions) -> io::Result<ChildPipe> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    finish(write, read, options)
}

fn finish(ours: OwnedFd, theirs: OwnedFd, options: PipeOptions) -> io::Result<ChildPipe> {
    if let Some(size) = options.size {
        // A pipe of another size is still a pipe.
        let _ = fcntl_setpipe_size(&ours, size);
    }
    // What is opened anew has flags of its own. Without /proc there is no second opening: the pipe is then an ordinary one.
    let theirs = match if options.survivable { reopen(&theirs, OFlags::RDWR).ok() } else { None } {
        Some(both) => both,
        None => {
            let flags = fcntl_getfl(&theirs)?;
            fcntl_setfl(&theirs, flags.difference(OFlags::NONBLOCK))?;
            theirs
        }
    };
    Ok(ChildPipe { ours, theirs })
}

/// A descriptor of ours that never waits. This changes its open file description, so it must not be shared.
///
/// # Errors
/// None that are known for an open descriptor.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&fd)?;
    Ok(fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?)
}

/// Open what a descriptor of this process stands for once more: an open file description of its own, whose flags are
/// nobody else's business. Close-on-exec.
///
/// # Errors
/// ENXIO: it is a socket; ENOENT: /proc is not mounted; EACCES: it belongs to another user.
pub fn reopen(fd: impl AsFd, flags: OFlags) -> io::Result<OwnedFd> {
    let path = [b"/proc/self/fd/", DecInt::from_fd(fd).as_bytes()].concat();
    Ok(open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())?)
}

/// Open a pipe that another process has open, by its inode: `first` is the descriptor that is looked at first.
///
/// # Errors
/// ENOENT: it has it no more; EACCES: we may not look into that process.
pub fn reopen_in(pid: u32, inode: u64, first: u32, flags: OFlags) -> io::Result<OwnedFd> {
    let folder = format!("/proc/{pid}/fd");
    let is_it = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.ino() == inode);
    let mut path = PathBuf::from(format!("{folder}/{first}"));
    if !is_it(&path) {
        let all = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
        path = all.into_iter().find(|path| is_it(path)).ok_or(io::ErrorKind::NotFound)?;
    }
    let opened = open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty())?;
    // It may have been replaced between the look and the opening.
    if fstat(&opened)?.st_ino == inode { Ok(opened) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// The inode of a descriptor: which pipe or socket it is.
#[must_use]
pub fn inode(fd: impl AsFd) -> Option<u64> {
    fstat(fd).ok().map(|found| found.st_ino)
}

#[cfg(test)]
mod tests {
    use rustix::io::{Errno, read, write};

    use super::*;

    #[test]
    fn our_end_never_waits_and_the_childs_end_does() {
        for survivable in [true, false] {
            for make in [output, input] {
                let pipe = make(PipeOptions { survivable, size: None }).unwrap();
                assert!(fcntl_getfl(&pipe.ours).unwrap().contains(OFlags::NONBLOCK));
                assert!(!fcntl_getfl(&pipe.theirs).unwrap().contains(OFlags::NONBLOCK));
            }
        }
        let pipe = output(PipeOptions::default()).unwrap();
        assert_eq!(read(&pipe.ours, &mut [0; 1]), Err(Errno::AGAIN));
        drop(pipe.theirs);
        assert_eq!(read(&pipe.ours, &mut [0; 1]), Ok(0));
    }

    #[test]
    fn a_pipe_is_found_in_another_process_by_its_inode() {
        let out = output(PipeOptions { survivable: true, size: None }).unwrap();
        let inode = inode(&out.ours).unwrap();
        let me = std::process::id();
        let again = reopen_in(me, inode, 0, OFlags::RDONLY).unwrap();
        assert_eq!(write(&out.theirs, b"kept"), Ok(4));
        assert_eq!(read(&again, &mut [0; 8]), Ok(4));
        drop((out, again));
        assert_eq!(reopen_in(me, inode, 0, OFlags::RDONLY).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_survivable_pipe_outlives_our_end() {
        let options = PipeOptions { survivable: true, size: Some(1 << 18) };
        let out = output(options).unwrap();
        drop(out.ours);
        assert_eq!(write(&out.theirs, b"kept"), Ok(4));
        let again = reopen(&out.theirs, OFlags::RDONLY | OFlags::NONBLOCK).unwrap();
        let mut found = [0; 8];
        assert_eq!(read(&again, &mut found), Ok(4));
        let stdin = input(options).unwrap();
        drop(stdin.ours);
        set_nonblocking(&stdin.theirs).unwrap();
        assert_eq!(read(&stdin.theirs, &mut found), Err(Errno::AGAIN), "no end of file");
    }
}
