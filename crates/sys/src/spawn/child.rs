//! The fork, and what the child does until execve(2): system calls and nothing else.
//!
//! No allocation, no lock, no panic, no libc function but syscall(2): the daemon has threads, and one of them may hold any
//! lock at the moment of the fork. The heap is not even there: the child reads its image, its stack and constants. The
//! order is the reference's: process group, descriptors, user, directory, umask, exec.
#![allow(unsafe_code, reason = "this is the fork")]

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::RawFd;

use super::Method;
use super::image::{Image, Who};
use crate::errno;
use crate::memory;

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

/// Where a child finds its descriptors 0 to 2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// At these numbers of its copy of the daemon's table.
    Copied([RawFd; 3]),
    /// In a message at this number; the table is the daemon's own until it is taken apart (`stage`).
    Staged(RawFd),
}

/// Make the child; returns its process id in the parent and never in the child.
pub(super) fn start(image: &Image, source: Source, method: Method, pidfd: &mut RawFd) -> io::Result<i32> {
    // A signal that comes to the child before its handlers are gone would run the daemon's: all wait until just before exec.
    let (all, mut before) = (u64::MAX, 0_u64);
    // SAFETY: both masks are valid for SIGSET bytes; blocking signals in this thread is undone below.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const all, &raw mut before, SIGSET) };
    let withheld = memory::withhold();
    // SAFETY: without CLONE_VM the child has its own copy of all memory but the heap; it runs `become_program`, which only
    // makes system calls on memory prepared outside of the heap and never returns into this frame's callers.
    let pid = unsafe {
        match method {
            Method::Staged | Method::Clone3 => clone3(image, source, pidfd),
            Method::Fork => {
                libc::syscall(libc::SYS_clone, c_long::from(libc::SIGCHLD), 0_usize, 0_usize, 0_usize, 0_usize)
            }
        }
    };
    if pid == 0 {
        // SAFETY: this is the child of the clone above.
        unsafe { become_program(image, source, method) }
    }
    let error = io::Error::last_os_error();
    drop(withheld);
    // SAFETY: `before` was filled by the call above.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const before, 0_usize, SIGSET) };
    if pid < 0 { Err(error) } else { i32::try_from(pid).map_err(io::Error::other) }
}

/// # Safety
/// Returns twice, like fork(2): the child may only make system calls.
unsafe fn clone3(image: &Image, source: Source, pidfd: &mut RawFd) -> c_long {
    // SAFETY: all zero is a valid clone_args.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (libc::CLONE_PIDFD as u64) | CLONE_CLEAR_SIGHAND;
    args.pidfd = std::ptr::from_mut(pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if matches!(source, Source::Staged(_)) {
        args.flags |= libc::CLONE_FILES as u64;
    }
    if let Some(group) = image.group {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(group).unwrap_or(u64::MAX);
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
    /// It has got no descriptors of its own.
    Nothing,
    /// The control group does not take it.
    Group(c_int),
}

/// # Safety
/// Only in a child that has no other thread.
unsafe fn become_program(image: &Image, source: Source, method: Method) -> ! {
    // SAFETY: the caller promises that this is a fresh child; every call below takes memory of the image.
    unsafe {
        let failure = prepare(image, source, method).err().unwrap_or_else(|| exec(image));
        tell(image, &failure);
        libc::syscall(libc::SYS_exit_group, NOT_SPAWNED);
    }
    // Not reached: exit_group does not return.
    loop {
        std::hint::spin_loop();
    }
}

unsafe fn prepare(image: &Image, source: Source, method: Method) -> Result<(), Failure> {
    // SAFETY: plain system calls on the child itself; pointers are into the image.
    unsafe {
        default_signals();
        libc::syscall(libc::SYS_setpgid, 0, 0);
        let fds = match source {
            Source::Copied(fds) => fds,
            Source::Staged(stage) => staged(stage)?,
        };
        for (target, &source) in fds.iter().enumerate() {
            call(libc::syscall(libc::SYS_dup3, source, target, 0)).map_err(|_| Failure::Descriptors)?;
        }
        if let Some(procs) = image.procs.filter(|_| method == Method::Fork) {
            let itself = b"0";
            call(libc::syscall(libc::SYS_write, procs, itself.as_ptr(), itself.len())).map_err(Failure::Group)?;
        }
        close_others();
        for limit in image.limits.get() {
            let value = [limit.soft, limit.hard];
            // A limit that cannot be raised leaves the daemon's own in force, which is what the child would have had.
            libc::syscall(libc::SYS_prlimit64, 0, limit.resource.number(), &raw const value, 0_usize);
        }
        change_user(&image.user)?;
        if !image.directory.is_null() {
            call(libc::syscall(libc::SYS_chdir, image.directory)).map_err(Failure::Chdir)?;
        }
        if let Some(umask) = image.umask {
            libc::syscall(libc::SYS_umask, umask);
        }
    }
    Ok(())
}

/// Take from the daemon's table what lies up to the stage, and from the stage the three descriptors.
///
/// Nothing may be opened or closed before the table is the child's own.
unsafe fn staged(stage: RawFd) -> Result<[RawFd; 3], Failure> {
    // SAFETY: these only concern the child's own table, which they make.
    let apart = unsafe {
        libc::syscall(libc::SYS_close_range, stage + 1, u32::MAX, libc::CLOSE_RANGE_UNSHARE) >= 0
            || libc::syscall(libc::SYS_unshare, libc::CLONE_FILES) >= 0
    };
    let mut fds = if apart { receive(stage) } else { None }.ok_or(Failure::Nothing)?;
    for fd in &mut fds {
        // A daemon without stdin has low numbers free, which are the child's targets.
        if *fd <= 2 {
            // SAFETY: the table is the child's own.
            let high = unsafe { libc::syscall(libc::SYS_fcntl, *fd, libc::F_DUPFD, 3) };
            *fd = RawFd::try_from(high).map_err(|_| Failure::Descriptors)?;
        }
    }
    Ok(fds)
}

/// A header of cmsg(3) and three descriptors, as the kernel lays them out.
#[repr(C)]
#[derive(Default)]
struct Handed {
    length: usize,
    level: c_int,
    kind: c_int,
    fds: [RawFd; 3],
    /// To the next multiple of eight.
    _room: c_int,
}

fn receive(stage: RawFd) -> Option<[RawFd; 3]> {
    let (mut byte, mut handed) = (0_u8, Handed::default());
    let mut piece = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: all zero is an empty msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut handed).cast();
    message.msg_controllen = size_of::<Handed>() as _;
    // SAFETY: the message and what it points to outlive the call.
    let got = unsafe { libc::syscall(libc::SYS_recvmsg, stage, &raw mut message, libc::MSG_DONTWAIT) };
    let whole = std::mem::offset_of!(Handed, fds) + size_of::<[RawFd; 3]>();
    (got == 1 && handed.length == whole && handed.kind == libc::SCM_RIGHTS).then_some(handed.fds)
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

unsafe fn change_user(who: &Who) -> Result<(), Failure> {
    match who {
        Who::Same => Ok(()),
        Who::Forbidden => Err(Failure::SetUidWords("Can't drop privilege as nonroot user")),
        // SAFETY: raw system calls change the calling thread only, which is the only one of the child.
        Who::To { uid, gid, groups } => unsafe {
            call(libc::syscall(libc::SYS_setgroups, groups.count, groups.first))
                .map_err(|_| Failure::SetUidWords("Could not set groups of effective user"))?;
            call(libc::syscall(libc::SYS_setgid, *gid))
                .map_err(|_| Failure::SetUidWords("Could not set group id of effective user"))?;
            call(libc::syscall(libc::SYS_setuid, *uid)).map_err(Failure::SetUid)
        },
    }
}

/// Returns only if it failed.
unsafe fn exec(image: &Image) -> Failure {
    let none = 0_u64;
    // SAFETY: the pointers are into the image and end with a null each; signals that waited are delivered here.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0_usize, SIGSET);
        libc::syscall(libc::SYS_execve, image.program, image.argv, image.envp);
    }
    Failure::Exec(errno_now())
}

unsafe fn tell(image: &Image, failure: &Failure) {
    // SAFETY: the image is as it was laid out.
    let [setuid, chdir, exec] = unsafe { [image.setuid_words.get(), image.chdir_words.get(), image.exec_words.get()] };
    let (words, reason) = match failure {
        Failure::SetUid(errno) => (setuid, errno::name(*errno)),
        Failure::SetUidWords(reason) => (setuid, Some(*reason)),
        Failure::Chdir(errno) => (chdir, errno::name(*errno)),
        Failure::Exec(errno) => (exec, errno::name(*errno)),
        Failure::Descriptors => (&b""[..], None),
        // Descriptor 2 is the daemon's.
        Failure::Nothing => return,
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
