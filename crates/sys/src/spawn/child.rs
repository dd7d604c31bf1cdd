//! The fork, and what the child does until execve(2): system calls and nothing else.
//!
//! No allocation, no lock, no panic, no libc function but syscall(2): the daemon has threads, and one of them may hold any
//! lock at the moment of the fork. The order is the reference's: process group, descriptors, user, directory, umask, exec.
#![allow(unsafe_code, reason = "this is the fork")]

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use super::Method;
use super::plan::{ChildPlan, UserChange};
use crate::errno;

/// Bytes of the kernel's sigset_t.
const SIGSET: usize = 8;
/// Reset the handlers with the clone (linux/sched.h; the libc crate's constant is too narrow for it).
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
/// Begin in the control group whose folder is given (as above).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// Signals are numbered from 1 to this.
const LAST_SIGNAL: c_int = 64;
/// What the reference's child exits with when it could not become the program.
const NOT_SPAWNED: c_int = 127;

/// The kernel's own struct sigaction: all zero is SIG_DFL without flags.
#[repr(C)]
struct KernelSigaction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Make the child; returns its process id in the parent and never in the child.
pub(super) fn start(plan: &ChildPlan, fds: [RawFd; 3], method: Method, pidfd: &mut RawFd) -> io::Result<i32> {
    // A signal that comes to the child before its handlers are gone would run the daemon's: all wait until just before exec.
    let (all, mut before) = (u64::MAX, 0_u64);
    // SAFETY: both masks are valid for SIGSET bytes; blocking signals in this thread is undone below.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, &raw mut before, SIGSET) };
    // SAFETY: without CLONE_VM the child has its own copy of all memory; it runs `become_program`, which only makes
    // system calls on memory prepared before and never returns into this frame's callers.
    let pid = unsafe {
        match method {
            Method::Clone3 => clone3(plan, pidfd),
            Method::Fork => {
                libc::syscall(libc::SYS_clone, c_long::from(libc::SIGCHLD), 0_usize, 0_usize, 0_usize, 0_usize)
            }
        }
    };
    if pid == 0 {
        // SAFETY: this is the child of the clone above.
        unsafe { become_program(plan, fds, method) }
    }
    let error = io::Error::last_os_error();
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const before, 0_usize, SIGSET) };
    if pid < 0 { Err(error) } else { i32::try_from(pid).map_err(io::Error::other) }
}

/// # Safety
/// Returns twice, like fork(2): the child may only make system calls.
unsafe fn clone3(plan: &ChildPlan, pidfd: &mut RawFd) -> c_long {
    // SAFETY: all zero is a valid clone_args.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (libc::CLONE_PIDFD as u64) | CLONE_CLEAR_SIGHAND;
    args.pidfd = std::ptr::from_mut(pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = &plan.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(group.folder().as_raw_fd()).unwrap_or(u64::MAX);
    }
    // SAFETY: the arguments are valid for their size; `pidfd` outlives the call.
    unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) }
}

/// Why the child cannot become the program.
enum Failure {
    /// The reference dies of an exception here and only says that it was not spawned; this one says the errno as well.
    SetUid(c_int),
    SetUidWords(&'static str),
    Chdir(c_int),
    Exec(c_int),
    /// dup2(2) failed: there may be no stderr to tell it on.
    Descriptors,
    /// The control group does not take it.
    Group(c_int),
}

/// # Safety
/// Only in a child that has no other thread.
unsafe fn become_program(plan: &ChildPlan, fds: [RawFd; 3], method: Method) -> ! {
    // SAFETY: the caller promises that this is a fresh child; every call below takes memory of the finished plan.
    unsafe {
        let failure = prepare(plan, fds, method).err().unwrap_or_else(|| exec(plan));
        tell(plan, &failure);
        libc::syscall(libc::SYS_exit_group, NOT_SPAWNED);
    }
    // Not reached: exit_group does not return.
    loop {
        std::hint::spin_loop();
    }
}

unsafe fn prepare(plan: &ChildPlan, fds: [RawFd; 3], method: Method) -> Result<(), Failure> {
    // SAFETY: plain system calls on the child itself; pointers are into the plan.
    unsafe {
        default_signals();
        libc::syscall(libc::SYS_setpgid, 0, 0);
        for (target, &source) in fds.iter().enumerate() {
            call(libc::syscall(libc::SYS_dup3, source, target, 0)).map_err(|_| Failure::Descriptors)?;
        }
        if let Some(group) = plan.cgroup.as_ref().filter(|_| method == Method::Fork) {
            let itself = b"0";
            let procs = group.procs().as_raw_fd();
            call(libc::syscall(libc::SYS_write, procs, itself.as_ptr(), itself.len())).map_err(Failure::Group)?;
        }
        close_others();
        for limit in &plan.limits {
            let value = [limit.soft, limit.hard];
            // A limit that cannot be raised leaves the daemon's own in force, which is what the child would have had.
            libc::syscall(libc::SYS_prlimit64, 0, limit.resource.number(), &raw const value, 0_usize);
        }
        change_user(&plan.user)?;
        if let Some(directory) = plan.directory() {
            call(libc::syscall(libc::SYS_chdir, directory.as_ptr())).map_err(Failure::Chdir)?;
        }
        if let Some(umask) = plan.umask {
            libc::syscall(libc::SYS_umask, umask);
        }
    }
    Ok(())
}

/// Every signal to its default, those included that were ignored when the daemon was started (nohup): a program begins
/// as if it had been started by a shell.
unsafe fn default_signals() {
    let default = KernelSigaction { handler: libc::SIG_DFL, flags: 0, restorer: 0, mask: 0 };
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the struct is the kernel's; SIGKILL and SIGSTOP are refused, which is right.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, &raw const default, 0_usize, SIGSET) };
    }
}

unsafe fn close_others() {
    // SAFETY: nothing in this process uses a descriptor above 2 any more.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) < 0 {
            // Before Linux 5.9: one by one. The daemon's own have close-on-exec besides.
            for fd in 3..65_536 {
                libc::syscall(libc::SYS_close, fd);
            }
        }
    }
}

unsafe fn change_user(change: &UserChange) -> Result<(), Failure> {
    match change {
        UserChange::None => Ok(()),
        UserChange::Forbidden => Err(Failure::SetUidWords("Can't drop privilege as nonroot user")),
        // SAFETY: raw system calls change the calling thread only, which is the only one of the child.
        UserChange::To { uid, gid, groups } => unsafe {
            call(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))
                .map_err(|_| Failure::SetUidWords("Could not set groups of effective user"))?;
            call(libc::syscall(libc::SYS_setgid, *gid))
                .map_err(|_| Failure::SetUidWords("Could not set group id of effective user"))?;
            call(libc::syscall(libc::SYS_setuid, *uid)).map_err(Failure::SetUid)
        },
    }
}

/// Returns only if it failed.
unsafe fn exec(plan: &ChildPlan) -> Failure {
    let none = 0_u64;
    // SAFETY: the pointers are into the plan and end with a null each; signals that waited are delivered here.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0_usize, SIGSET);
        libc::syscall(libc::SYS_execve, plan.program.as_ptr(), plan.argv.as_ptr(), plan.envp.as_ptr());
    }
    Failure::Exec(errno_now())
}

unsafe fn tell(plan: &ChildPlan, failure: &Failure) {
    let (words, reason) = match failure {
        Failure::SetUid(errno) => (&plan.words.setuid[..], errno::name(*errno)),
        Failure::SetUidWords(reason) => (&plan.words.setuid[..], Some(*reason)),
        Failure::Chdir(errno) => (&plan.words.chdir[..], errno::name(*errno)),
        Failure::Exec(errno) => (&plan.words.exec[..], errno::name(*errno)),
        Failure::Descriptors => (&b""[..], None),
        Failure::Group(errno) => (&b"supervisor: couldn't enter its control group: "[..], errno::name(*errno)),
    };
    if !words.is_empty() {
        say(&[words, reason.unwrap_or("unknown error").as_bytes(), b"\n"]);
    }
    say(&[b"supervisor: child process was not spawned\n"]);
}

/// Write to stderr in one piece, as far as it goes.
fn say(parts: &[&[u8]]) {
    let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; 3];
    for (vector, part) in vectors.iter_mut().zip(parts) {
        *vector = libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() };
    }
    // SAFETY: each vector is a live slice or empty; writev(2) only reads them.
    unsafe { libc::syscall(libc::SYS_writev, 2, vectors.as_ptr(), vectors.len()) };
}

fn call(result: c_long) -> Result<(), c_int> {
    if result < 0 { Err(errno_now()) } else { Ok(()) }
}

fn errno_now() -> c_int {
    // SAFETY: the address of this thread's errno is always valid.
    unsafe { *libc::__errno_location() }
}
