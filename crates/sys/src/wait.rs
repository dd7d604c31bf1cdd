//! How children ended.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use model::{ExitStatus, Signal};
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, wait};

/// A child that has ended and been taken off the kernel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its process id.
    pub pid: u32,
    /// How.
    pub status: ExitStatus,
}

/// The next child that has ended, adopted orphans included; never waits. `None` when there is none for now.
///
/// # Errors
/// None that are known; ECHILD (no children at all) is `None`.
pub fn reap() -> io::Result<Option<Ended>> {
    loop {
        return match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => {
                let pid = u32::try_from(pid.as_raw_nonzero().get()).unwrap_or(0);
                Ok(Some(Ended { pid, status: described(status) }))
            }
            Ok(None) | Err(Errno::CHILD) => Ok(None),
            Err(Errno::INTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

fn described(status: WaitStatus) -> ExitStatus {
    decode(status.as_raw())
}

/// What a status of wait(2) says.
#[must_use]
pub fn decode(raw: i32) -> ExitStatus {
    if libc::WIFEXITED(raw) {
        return ExitStatus::Exited(u8::try_from(libc::WEXITSTATUS(raw)).unwrap_or(u8::MAX));
    }
    match Signal::from_number(i64::from(libc::WTERMSIG(raw))) {
        Some(signal) if libc::WIFSIGNALED(raw) => ExitStatus::Signaled { signal, core: libc::WCOREDUMP(raw) },
        _ => ExitStatus::Unknown,
    }
}

/// `struct pidfd_info` of linux/pidfd.h, first version, as far as it is read here.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    /// pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid.
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_INFO_EXIT`: the exit status is asked for, and in the answer: it is known.
const INFO_EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)` for the 64 bytes above.
const GET_INFO: libc::c_ulong = 0xC040_FF0B;

/// How a process ended that may be no child of ours, once it has been reaped by its parent.
///
/// `Unknown` where the kernel does not tell (PIDFD_GET_INFO came with Linux 6.13, the exit status with 6.15).
#[must_use]
#[allow(unsafe_code, reason = "an ioctl that rustix does not have")]
pub fn exit_status_of(pidfd: impl AsFd) -> ExitStatus {
    let mut info = PidfdInfo { mask: INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request names the size of `info`, and the kernel writes no more than that.
    let result = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), GET_INFO, &raw mut info) };
    if result == 0 && info.mask & INFO_EXIT != 0 { decode(info.exit_code) } else { ExitStatus::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_status_is_a_code_or_a_signal() {
        assert_eq!(decode(0x0700), ExitStatus::Exited(7));
        assert_eq!(decode(9), ExitStatus::Signaled { signal: Signal::KILL, core: false });
        assert_eq!(decode(0x86), ExitStatus::Signaled { signal: Signal::parse("ABRT").unwrap(), core: true });
        assert_eq!(size_of::<PidfdInfo>(), 64);
    }
}
