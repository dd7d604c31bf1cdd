//! Starting a child: a plan that is finished before the fork, one clone3(2), and a child that only makes system calls.
//!
//! It works in the daemon's own memory until its exec (`desk`), and takes its descriptors from a socket (`stage`): it gets
//! no copy of anything that grows.
//!
//! The parent never waits for the child's exec (as `std::process::Command` does): a program on a dead mount must not stop
//! the daemon. What fails in the child is told on its own stderr in the reference's words, and ends it with status 127.
//! Deliberately absent: PATH search (`command`), pipes (`pipes`), who a user is (`host`).

mod child;
mod desk;
mod image;
mod plan;
mod raw;
mod stage;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::process::{Pid, setpgid};

use child::{Source, Task};
pub use desk::clear_desks;
use image::Block;
use plan::UserChange;
pub use plan::{ChildPlan, ChildSpec, Credentials};
pub use stage::prepare;

/// How a child is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As `Staged`, but in the daemon's own memory until its exec; where it may not be there or no desk is free, it is that.
    Shared,
    /// As `Clone3`, but without a copy of the daemon's descriptors; where no stage is free, it is that.
    Staged,
    /// clone3(2).
    Clone3,
    /// fork(2): where a seccomp filter or an old kernel refuses clone3.
    Fork,
}

/// Where plans are laid out for children with a copy of it; whoever holds it forks.
static BLOCK: Mutex<Block> = Mutex::new(Block::new());
/// These ways have been refused once: they are not tried again.
static REFUSED: [(Method, AtomicBool); 2] =
    [(Method::Shared, AtomicBool::new(false)), (Method::Staged, AtomicBool::new(false))];

/// Before Linux 5.16 a process that dumped its core (SIGQUIT, say) took all with it that shared its memory.
static DUMPS_ALONE: LazyLock<bool> =
    LazyLock::new(|| is_at_least((5, 16), &rustix::system::uname().release().to_string_lossy()));

/// The release of a kernel (`6.1.0-13-amd64`) is this one or later.
fn is_at_least(wanted: (u32, u32), release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|digits| digits.parse().ok());
    numbers.next().zip(numbers.next()).is_some_and(|found| found >= wanted)
}

impl ChildPlan {
    /// Start a child with these descriptors as its 0, 1 and 2; its process id. Returns as soon as it exists.
    ///
    /// # Errors
    /// EAGAIN: too many processes; ENOMEM. Everything else goes wrong in the child.
    pub fn spawn(&self, fds: [BorrowedFd<'_>; 3]) -> io::Result<u32> {
        for (method, is_refused) in &REFUSED {
            if is_refused.load(Ordering::Relaxed) {
                continue;
            }
            match self.spawn_by(*method, fds) {
                // With a group the reason may be the group alone: then the child enters it by itself.
                Err(error) if self.cgroup.is_some() && may_be_the_group(&error) => {}
                Err(error) if refused(&error) => is_refused.store(true, Ordering::Relaxed),
                result => return result,
            }
        }
        self.spawn_by(Method::Fork, fds)
    }

    /// A child that changes its user does so in memory of its own: the kernel marks the memory as nobody's to look into,
    /// and it is not the daemon's that is meant. So does one with a control group: if that has a limit on memory which the
    /// child meets, the kernel kills whoever shares its memory.
    fn may_share(&self) -> bool {
        raw::SHARES && !matches!(self.user, UserChange::To { .. }) && self.cgroup.is_none() && *DUMPS_ALONE
    }

    /// Start a child in one certain way.
    ///
    /// # Errors
    /// As `spawn`; and ENOSYS, EPERM or EINVAL where clone3 is not to be had.
    pub fn spawn_by(&self, method: Method, fds: [BorrowedFd<'_>; 3]) -> io::Result<u32> {
        let pid = match method {
            Method::Shared | Method::Staged => self.staged(method, &fds)?,
            Method::Clone3 | Method::Fork => self.copied(method, &fds)?,
        };
        let named = Pid::from_raw(pid);
        // The child does this too; whoever is first, a signal to the group finds it from now on.
        let _ = setpgid(named, named);
        Ok(u32::try_from(pid).unwrap_or(0))
    }

    fn staged(&self, method: Method, fds: &[BorrowedFd<'_>; 3]) -> io::Result<i32> {
        let mut stages = stage::all();
        let Some(stage) = stages.iter_mut().find_map(|stage| stage.hand(fds).then_some(stage)) else {
            drop(stages);
            return self.copied(if method == Method::Staged { Method::Clone3 } else { method }, fds);
        };
        let pid = self.start(Source::Staged(stage.number()), method);
        stage.is_for(pid.as_ref().ok().and_then(|&pid| Pid::from_raw(pid)));
        pid
    }

    /// With a copy of the whole table of descriptors.
    fn copied(&self, method: Method, fds: &[BorrowedFd<'_>; 3]) -> io::Result<i32> {
        // dup2(n, n) would leave close-on-exec set, and a low source could be overwritten before it is used.
        let high = high(fds)?;
        let mut raw = [0; 3];
        for (place, fd) in raw.iter_mut().zip(&high) {
            *place = fd.as_raw_fd();
        }
        self.start(Source::Copied(raw), method)
    }

    fn start(&self, source: Source, method: Method) -> io::Result<i32> {
        let mut desks = desk::all();
        if method == Method::Shared
            && self.may_share()
            && let Some(desk) = desk::free(&mut desks)
        {
            let image = desk.block.lay_out(self)?;
            return child::share(desk, &Task { image, source, method });
        }
        drop(desks);
        let mut block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let image = block.lay_out(self)?;
        child::copy(&Task { image, source, method })
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
