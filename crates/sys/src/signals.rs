//! Signals: those to the daemon arrive through a descriptor, as messages among others; those to children are sent here.
//!
//! Deliberately absent: handlers. Nothing runs in the middle of something else.
#![allow(unsafe_code, reason = "signalfd(2) and signal masks")]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Signal;
use rustix::io::Errno;
use rustix::process::{
    Pid, kill_process, kill_process_group, pidfd_send_signal, test_kill_process, test_kill_process_group,
};

/// Receives the signals it was made for; readable while some wait.
#[derive(Debug)]
pub struct Receiver(OwnedFd);

/// Bytes of the kernel's sigset_t.
pub(crate) const SIGSET: usize = 8;
/// Signals are numbered from 1 to this.
pub(crate) const LAST: c_int = 64;

/// The kernel's own struct sigaction: all zero is SIG_DFL without flags.
#[repr(C)]
#[derive(Default)]
pub(crate) struct KernelSigaction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Bytes of struct signalfd_siginfo; its first four are the number.
const INFO: usize = 128;

impl Receiver {
    /// Block these signals in this thread and receive them here.
    ///
    /// Threads inherit what is blocked, so this is done before there are any. Children begin with nothing blocked
    /// (`spawn` sees to it).
    ///
    /// # Errors
    /// No descriptor is left (EMFILE, ENFILE).
    pub fn new(signals: &[Signal]) -> io::Result<Self> {
        let set = set_of(signals);
        let mut known = known_ignored();
        // SAFETY: SIG_DFL installs no code. Whoever started this process may have had SIGCHLD ignored: the kernel would
        // then reap children itself, and nobody would hear of their end.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        *known = None;
        drop(known);
        // SAFETY: the set is initialised; the old mask is not asked for.
        let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        // SAFETY: the set is initialised; a new descriptor is asked for.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The signals that wait, each once however often it was sent; never waits.
    ///
    /// # Errors
    /// None that are known.
    pub fn take(&self) -> io::Result<Vec<Signal>> {
        let mut found = Vec::new();
        let mut buffer = [0; INFO * 16];
        loop {
            let length = match rustix::io::read(&self.0, &mut buffer) {
                Ok(length) => length,
                Err(Errno::AGAIN) => return Ok(found),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for info in buffer.get(..length).unwrap_or_default().chunks_exact(INFO) {
                let number = info.first_chunk::<4>().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
                found.extend(Signal::from_number(i64::from(number)));
            }
        }
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; sigaddset takes any number and refuses a wrong one.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.number());
        }
        set.assume_init()
    }
}

/// Have the kernel ignore what would end the daemon for a file that is full (SIGXFSZ) or a reader that has gone (SIGPIPE):
/// writes then fail with an error that names the reason.
pub fn ignore_write_signals() {
    let mut known = known_ignored();
    // SAFETY: SIG_IGN installs no code.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
    *known = None;
}

/// What `ignored` has found; only functions of this module change it.
static IGNORED: Mutex<Option<u64>> = Mutex::new(None);

fn known_ignored() -> MutexGuard<'static, Option<u64>> {
    IGNORED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signals that this process ignores, those included that it was started with (nohup): bit 0 is signal 1.
pub(crate) fn ignored() -> u64 {
    *known_ignored().get_or_insert_with(|| {
        (1..=LAST).filter(|&signal| is_ignored(signal)).fold(0, |set, signal| set | 1 << (signal - 1))
    })
}

/// The C library would not tell of those that it keeps for itself.
fn is_ignored(signal: c_int) -> bool {
    let mut action = KernelSigaction::default();
    let none = std::ptr::null::<KernelSigaction>();
    // SAFETY: the struct is the kernel's, and nothing is changed.
    let asked = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, none, &raw mut action, SIGSET) };
    asked == 0 && action.handler == libc::SIG_IGN
}

/// Have a command's child begin with no signal blocked, whatever this thread blocks: std hands the mask down.
pub fn unblock_in(command: &mut Command) {
    let set = set_of(&[]);
    // SAFETY: between fork and exec the closure makes one system call, on a set of its own.
    unsafe {
        command.pre_exec(move || match libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// Send a signal to a process, or to its process group.
///
/// # Errors
/// ESRCH: it has gone; EPERM: it is not ours to signal; EINVAL: 0 is no process.
pub fn send(pid: u32, signal: Signal, to_group: bool) -> io::Result<()> {
    let pid = checked(pid)?;
    let sent = match (kernel(signal), to_group) {
        (Some(signal), true) => kill_process_group(pid, signal),
        (Some(signal), false) => kill_process(pid, signal),
        (None, true) => test_kill_process_group(pid),
        (None, false) => test_kill_process(pid),
    };
    Ok(sent?)
}

/// Send a signal to the process behind a pidfd, which is never another one of the same number.
///
/// # Errors
/// As `send`.
pub fn send_by(pidfd: impl AsFd, signal: Signal) -> io::Result<()> {
    if let Some(signal) = kernel(signal) {
        return Ok(pidfd_send_signal(pidfd, signal)?);
    }
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open, and signal 0 without information touches no memory.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_fd().as_raw_fd(), 0, none, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn checked(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
}

/// `None` for 0, which is no signal but the question whether there is a process.
fn kernel(signal: Signal) -> Option<rustix::process::Signal> {
    // SAFETY: a model::Signal but 0 lies between 1 and 64; the two real-time signals that libc keeps for itself (32, 33)
    // are only ever sent to other processes here.
    (signal.number() != 0).then(|| unsafe { rustix::process::Signal::from_raw_unchecked(signal.number()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_to_the_daemon_is_read_from_the_descriptor() {
        let receiver = Receiver::new(&[Signal::USR1, Signal::HUP]).unwrap();
        assert_eq!(receiver.take().unwrap(), []);
        for signal in [libc::SIGUSR1, libc::SIGUSR1, libc::SIGHUP] {
            // SAFETY: raise(3) sends to this thread only, where both are blocked.
            assert_eq!(unsafe { libc::raise(signal) }, 0);
        }
        assert_eq!(receiver.take().unwrap(), [Signal::HUP, Signal::USR1]);
        assert_eq!(receiver.take().unwrap(), []);
    }

    #[test]
    fn a_signal_to_nobody_is_refused() {
        assert_eq!(send(0, Signal::TERM, true).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(send(0x7fff_fff0, Signal::TERM, false).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn signal_0_asks_whether_there_is_a_process() {
        let zero = Signal::parse("0").unwrap();
        let own = std::process::id();
        send(own, zero, false).unwrap();
        assert_eq!(send(0x7fff_fff0, zero, false).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        let pid = Pid::from_raw(i32::try_from(own).unwrap()).unwrap();
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
        send_by(&pidfd, zero).unwrap();
    }

    #[test]
    fn a_command_begins_with_nothing_blocked() {
        let _receiver = Receiver::new(&[Signal::USR1]).unwrap();
        let mut command = Command::new("cat");
        command.arg("/proc/self/status");
        unblock_in(&mut command);
        let status = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        assert_eq!(blocked.trim(), "0000000000000000");
    }
}
