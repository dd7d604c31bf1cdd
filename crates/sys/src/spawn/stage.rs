//! How a child gets its three descriptors without a copy of the daemon's whole table.
//!
//! A fork copies the table, and the child closes what it got: with 5,000 programs that is most of a start. So the child is
//! made with CLONE_FILES, takes for itself only what lies below a low number (CLOSE_RANGE_UNSHARE), and there finds a socket
//! on which its three descriptors wait as a message. A stage is one such socket; it is free again once the message has been
//! taken, and whoever finds none free forks with the whole table.
//! Deliberately absent: the child's part (that is `child`).

use std::io::IoSlice;
use std::iter;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::ioctl::{Getter, ioctl};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, test_kill_process};

use crate::limits::{self, Resource};

/// More children than these are seldom on their way between fork and their first steps.
const STAGES: usize = 16;
/// A daemon that may have few descriptors keeps one stage for each so many of them.
const DESCRIPTORS_A_STAGE: u64 = 64;

/// Numbers in a word of a table's map.
const BITS: RawFd = 64;

static ALL: Mutex<Vec<Stage>> = Mutex::new(Vec::new());

/// A socket with a low number.
#[derive(Debug)]
pub(super) struct Stage {
    daemons: OwnedFd,
    childs: OwnedFd,
    /// For whom the last message was.
    pub(super) child: Option<Pid>,
}

/// Makes the stages. To be called before descriptors with high numbers are open; without it children get copies of the
/// whole table, as they do where the kernel lacks close_range(2).
pub fn prepare() {
    let mut all = all();
    let most = limits::get(Resource::Files).soft / DESCRIPTORS_A_STAGE;
    let most = usize::try_from(most).map_or(STAGES, |most| most.min(STAGES));
    while all.len() < most {
        let Some(mut stage) = Stage::new() else { return };
        // What a filter or an old kernel refuses would end every child without a word: it is tried beforehand.
        if all.is_empty() && !(stage.works() && can_take_apart(stage.childs.as_fd())) {
            return;
        }
        all.push(stage);
    }
}

pub(super) fn all() -> MutexGuard<'static, Vec<Stage>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Taking a table apart works (Linux 5.9), and leaves a whole one.
///
/// Some kernels before 6.11 note in the new table which high numbers were taken in the old one (CVE-2024-45025): the program
/// finds them taken for ever, and none is left once it is at its limit. So a thread that shares our table takes apart what
/// lies below a word of it that is full, and must get the first number of that word as its next.
fn can_take_apart(low: BorrowedFd<'_>) -> bool {
    let word = (low.as_raw_fd() / BITS + 1) * BITS;
    let copies = iter::from_fn(|| fcntl_dupfd_cloexec(low, word).ok());
    let _full: Vec<OwnedFd> = copies.take_while(|copy| copy.as_raw_fd() < word + BITS).collect();
    let is_whole = || match fcntl_dupfd_cloexec(low, word) {
        Ok(next) => next.as_raw_fd() == word,
        // There may be no such numbers at all.
        Err(error) => error == Errno::INVAL,
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || take_apart(word) && is_whole());
        thread.is_ok_and(|thread| thread.join().unwrap_or(false))
    })
}

/// This thread's own table from now on, without this number and those above.
#[allow(unsafe_code, reason = "a raw system call")]
fn take_apart(from: RawFd) -> bool {
    // SAFETY: the thread that calls this owns no descriptor from that number on; those of others stay open in their table.
    unsafe { libc::syscall(libc::SYS_close_range, from, u32::MAX, libc::CLOSE_RANGE_UNSHARE) == 0 }
}

impl Stage {
    fn new() -> Option<Self> {
        let (childs, daemons) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).ok()?;
        Some(Self { daemons, childs, child: None })
    }

    /// A message comes through, and its descriptors with it.
    fn works(&mut self) -> bool {
        let Ok(any) = self.childs.try_clone() else { return false };
        self.hand(&[any.as_fd(); 3]) && {
            self.take_back();
            self.is_empty()
        }
    }

    /// The number at which the child finds it.
    pub(super) fn number(&self) -> RawFd {
        self.childs.as_raw_fd()
    }

    /// Leaves the descriptors for a child that is about to be made; false if the last one has not taken its own yet.
    pub(super) fn hand(&mut self, fds: &[BorrowedFd<'_>; 3]) -> bool {
        if !self.is_free() {
            return false;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(fds))
            && sendmsg(&self.daemons, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::DONTWAIT).is_ok()
    }

    /// This child will take what was left, or nobody will, because there is none.
    pub(super) fn is_for(&mut self, child: Option<Pid>) {
        self.child = child;
        if child.is_none() {
            self.take_back();
        }
    }

    fn is_free(&mut self) -> bool {
        if self.is_empty() {
            return true;
        }
        // A child that was killed in its first instant never takes its message: it is ours again once the child is gone.
        if self.child.is_none_or(|child| test_kill_process(child).is_err()) {
            self.take_back();
        }
        self.is_empty()
    }

    /// Everything that was sent has been taken.
    #[allow(unsafe_code, reason = "the kernel's ioctl by number")]
    fn is_empty(&self) -> bool {
        // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes an int: the bytes that were sent and not taken (unix(7)).
        let unread = unsafe { ioctl(&self.daemons, Getter::<{ libc::TIOCOUTQ as _ }, libc::c_int>::new()) };
        unread == Ok(0)
    }

    fn take_back(&mut self) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let _ = recvmsg(&self.childs, &mut [std::io::IoSliceMut::new(&mut [0])], &mut ancillary, flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_not_used_where_messages_cannot_be_taken() {
        let (mut stage, mut other) = (Stage::new().unwrap(), Stage::new().unwrap());
        assert!(stage.works() && other.works());
        // As with a filter that refuses recvmsg(2): nothing can be taken from what the daemon sends to.
        std::mem::swap(&mut stage.childs, &mut other.childs);
        assert!(!stage.works());
    }

    #[test]
    fn a_stage_is_taken_until_its_message_is_and_free_again_when_its_child_is_gone() {
        let mut stage = Stage::new().unwrap();
        let (read, write) = std::io::pipe().unwrap();
        assert!(stage.hand(&[write.as_fd(); 3]));
        let me = Pid::from_raw(std::process::id().try_into().unwrap());
        stage.is_for(me);
        assert!(!stage.hand(&[write.as_fd(); 3]), "who it was for lives, and has taken nothing");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = Pid::from_raw(child.id().try_into().unwrap());
        child.wait().unwrap();
        stage.is_for(gone);
        assert!(stage.hand(&[write.as_fd(); 3]));
        stage.is_for(None);
        drop(write);
        let mut left = Vec::new();
        assert_eq!(std::io::Read::read_to_end(&mut &read, &mut left).unwrap(), 0, "no copy of the pipe is left");
    }
}
