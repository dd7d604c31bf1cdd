//! Starting a child: a plan that is finished before the fork, one clone3(2), and a child that only makes system calls.
//!
//! The parent never waits for the child's exec (as `std::process::Command` does): a program on a dead mount must not stop
//! the daemon. What fails in the child is told on its own stderr in the reference's words, and ends it with status 127.
//! Deliberately absent: PATH search (`command`), pipes (`pipes`), who a user is (`host`).

mod child;
mod image;
mod plan;
mod stage;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, pidfd_open, setpgid};

use child::Source;
use image::Block;
pub use plan::{ChildPlan, ChildSpec, Credentials};
pub use stage::prepare;

/// A child that has been started.
#[derive(Debug)]
pub struct Child {
    /// Its process id.
    pub pid: u32,
    /// Readable once it has ended; signals sent through it cannot hit another process. `None` on kernels without.
    pub pidfd: Option<OwnedFd>,
}

/// How a child is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As `Clone3`, but without a copy of the daemon's descriptors; where no stage is free, it is that.
    Staged,
    /// clone3(2), which gives the pidfd at once.
    Clone3,
    /// fork(2) and pidfd_open(2): where a seccomp filter or an old kernel refuses clone3.
    Fork,
}

/// Where plans are laid out; whoever holds it forks.
static BLOCK: Mutex<Block> = Mutex::new(Block::new());
/// clone3 has been refused once: it is not tried again.
static REFUSED: AtomicBool = AtomicBool::new(false);

impl ChildPlan {
    /// Start a child with these descriptors as its 0, 1 and 2. Returns as soon as it exists.
    ///
    /// # Errors
    /// EAGAIN: too many processes; ENOMEM. Everything else goes wrong in the child.
    pub fn spawn(&self, fds: [BorrowedFd<'_>; 3]) -> io::Result<Child> {
        if !REFUSED.load(Ordering::Relaxed) {
            match self.spawn_by(Method::Staged, fds) {
                // With a group the reason may be the group alone: then the child enters it by itself.
                Err(error) if self.cgroup.is_some() && may_be_the_group(&error) => {}
                Err(error) if refused(&error) => REFUSED.store(true, Ordering::Relaxed),
                result => return result,
            }
        }
        self.spawn_by(Method::Fork, fds)
    }

    /// Start a child in one certain way.
    ///
    /// # Errors
    /// As `spawn`; and ENOSYS, EPERM or EINVAL where clone3 is not to be had.
    pub fn spawn_by(&self, method: Method, fds: [BorrowedFd<'_>; 3]) -> io::Result<Child> {
        let mut pidfd: RawFd = -1;
        let pid = match method {
            Method::Staged => self.staged(&fds, &mut pidfd)?,
            Method::Clone3 | Method::Fork => self.copied(method, &fds, &mut pidfd)?,
        };
        let named = Pid::from_raw(pid);
        // The child does this too; whoever is first, a signal to the group finds it from now on.
        let _ = setpgid(named, named);
        let pidfd = match method {
            Method::Staged | Method::Clone3 => own(pidfd),
            Method::Fork => named.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
        };
        Ok(Child { pid: u32::try_from(pid).unwrap_or(0), pidfd })
    }

    fn staged(&self, fds: &[BorrowedFd<'_>; 3], pidfd: &mut RawFd) -> io::Result<i32> {
        let mut stages = stage::all();
        let Some(stage) = stages.iter_mut().find_map(|stage| stage.hand(fds).then_some(stage)) else {
            drop(stages);
            return self.copied(Method::Clone3, fds, pidfd);
        };
        let pid = self.start(Source::Staged(stage.number()), Method::Staged, pidfd);
        stage.is_for(pid.as_ref().ok().and_then(|&pid| Pid::from_raw(pid)));
        pid
    }

    /// With a copy of the whole table of descriptors.
    fn copied(&self, method: Method, fds: &[BorrowedFd<'_>; 3], pidfd: &mut RawFd) -> io::Result<i32> {
        // dup2(n, n) would leave close-on-exec set, and a low source could be overwritten before it is used.
        let high = high(fds)?;
        let mut raw = [0; 3];
        for (place, fd) in raw.iter_mut().zip(&high) {
            *place = fd.as_raw_fd();
        }
        self.start(Source::Copied(raw), method, pidfd)
    }

    fn start(&self, source: Source, method: Method, pidfd: &mut RawFd) -> io::Result<i32> {
        let mut block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let image = block.lay_out(self)?;
        child::start(&image, source, method, pidfd)
    }
}

/// What kernels without clone3 (ENOSYS), filters (EPERM, ENOSYS) and kernels without one of its flags (EINVAL) say.
fn refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::EINVAL))
}

/// What kernels without CLONE_INTO_CGROUP (before Linux 5.7) and groups that do not take a child say.
fn may_be_the_group(error: &io::Error) -> bool {
    refused(error) || matches!(error.raw_os_error(), Some(libc::E2BIG | libc::EACCES | libc::EBUSY | libc::EOPNOTSUPP))
}

#[allow(unsafe_code, reason = "clone3 hands out a descriptor by number")]
fn own(pidfd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for us (CLONE_PIDFD), and nobody else knows it.
    (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) })
}

enum High<'a> {
    Given(BorrowedFd<'a>),
    Copied(OwnedFd),
}

impl AsRawFd for High<'_> {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Given(fd) => fd.as_raw_fd(),
            Self::Copied(fd) => fd.as_raw_fd(),
        }
    }
}

fn high<'a>(fds: &[BorrowedFd<'a>; 3]) -> io::Result<Vec<High<'a>>> {
    fds.iter()
        .map(|&fd| {
            if fd.as_raw_fd() > 2 {
                Ok(High::Given(fd))
            } else {
                Ok(High::Copied(rustix::io::fcntl_dupfd_cloexec(fd, 3)?))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
