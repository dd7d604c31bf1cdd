//! The fork, and what the child does until execve(2): system calls and nothing else.
//!
//! No allocation, no lock, no panic, no libc function: the daemon has threads, and one of them may hold any lock at the
//! moment of the fork. The heap is not even there, or it is the daemon's own: the child reads its image, its stack and
//! constants, and writes to its stack only. The order is the reference's: process group, descriptors, user, directory,
//! umask, exec.
#![allow(unsafe_code, reason = "this is the fork")]

use std::ffi::c_int;
use std::io;
use std::os::fd::RawFd;
use std::ptr;

use rustix::process::Pid;

use super::Method;
use super::desk::Desk;
use super::image::{Image, Who};
use super::raw::{call, clone_onto_stack};
use crate::errno;
use crate::memory;
use crate::signals::{KernelSigaction, LAST, SIGSET};

/// Reset the handlers with the clone (linux/sched.h; the libc crate's constant is too narrow for it).
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
/// Begin in the control group whose folder is given (as above).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// What the reference's child exits with when it could not become the program.
const NOT_SPAWNED: c_int = 127;

/// Where a child finds its descriptors 0 to 2.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// At these numbers of its copy of the daemon's table.
    Copied([RawFd; 3]),
    /// In a message at this number; the table is the daemon's own until it is taken apart (`stage`).
    Staged(RawFd),
}

/// All that a child is made from.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub(super) image: Image,
    pub(super) source: Source,
    pub(super) method: Method,
}

/// Make the child with a copy of the daemon's memory; returns its process id, and never in the child.
pub(super) fn copy(task: &Task) -> io::Result<i32> {
    let _blocked = Blocked::all();
    let withheld = memory::withhold();
    let how = how(task);
    // SAFETY: without CLONE_VM the child has its own copy of all memory but the heap; it runs `become_program`, which only
    // makes system calls on memory prepared outside of the heap and never returns into this frame's callers.
    let pid = unsafe {
        match task.method {
            Method::Fork => call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0]),
            _ => call(libc::SYS_clone3, [&raw const how as usize, size_of::<libc::clone_args>()]),
        }
    };
    if pid == Ok(0) {
        // SAFETY: this is the child of the clone above.
        unsafe { become_program(task) }
    }
    drop(withheld);
    made(pid)
}

/// Make the child in the daemon's own memory; returns its process id. The desk is the child's until its word says
/// otherwise.
pub(super) fn share(desk: &mut Desk, task: &Task) -> io::Result<i32> {
    let mut how = how(task);
    how.flags |= (libc::CLONE_VM | libc::CLONE_CHILD_CLEARTID) as u64;
    (how.stack, how.stack_size) = desk.stack();
    let task = desk.block.put(&[*task])?.first;
    let _blocked = Blocked::all();
    how.child_tid = desk.take() as u64;
    // SAFETY: `begin` never returns. The task, what it leads to and the stack are the desk's, which is nobody else's
    // before the kernel has cleared its word.
    let pid = made(unsafe { clone_onto_stack(&how, begin, task as usize) });
    desk.is_for(pid.as_ref().ok().and_then(|&pid| Pid::from_raw(pid)));
    pid
}

/// The first function of a child that shares the memory.
extern "C" fn begin(task: usize) -> ! {
    let task = ptr::with_exposed_provenance::<Task>(task);
    // SAFETY: this is a fresh child, and `share` has put its task there.
    unsafe { become_program(&*task) }
}

/// What clone3(2) is told.
fn how(task: &Task) -> libc::clone_args {
    // SAFETY: all zero is a valid clone_args.
    let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
    how.flags = CLONE_CLEAR_SIGHAND;
    how.exit_signal = libc::SIGCHLD as u64;
    if matches!(task.source, Source::Staged(_)) {
        how.flags |= libc::CLONE_FILES as u64;
    }
    if let Some(group) = task.image.group {
        how.flags |= CLONE_INTO_CGROUP;
        how.cgroup = u64::try_from(group).unwrap_or(u64::MAX);
    }
    how
}

fn made(pid: Result<usize, c_int>) -> io::Result<i32> {
    i32::try_from(pid.map_err(io::Error::from_raw_os_error)?).map_err(io::Error::other)
}

/// A signal that comes to the child before its handlers are gone would run the daemon's: while this lives, all wait. The
/// child has its own let through just before exec.
struct Blocked(u64);

impl Blocked {
    fn all() -> Self {
        let (all, mut before) = (u64::MAX, 0_u64);
        // SAFETY: both masks are valid for SIGSET bytes; what is blocked in this thread is undone below.
        let _ = unsafe { mask(&raw const all, &raw mut before) };
        Self(before)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask is the one from before.
        let _ = unsafe { mask(&raw const self.0, ptr::null_mut()) };
    }
}

/// # Safety
/// `new` is a mask, and `old` null or room for one.
unsafe fn mask(new: *const u64, old: *mut u64) -> Result<usize, c_int> {
    // SAFETY: the caller's promise.
    unsafe { call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, new as usize, old as usize, SIGSET]) }
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
unsafe fn become_program(task: &Task) -> ! {
    let image = &task.image;
    // SAFETY: the caller promises that this is a fresh child; every call below takes memory of the image.
    unsafe {
        let failure = prepare(task).err().unwrap_or_else(|| exec(image));
        tell(image, &failure);
        let _ = call(libc::SYS_exit_group, [NOT_SPAWNED as usize]);
    }
    // Not reached: exit_group does not return.
    loop {
        std::hint::spin_loop();
    }
}

unsafe fn prepare(task: &Task) -> Result<(), Failure> {
    let image = &task.image;
    // SAFETY: plain system calls on the child itself; pointers are into the image.
    unsafe {
        default_signals(task);
        let _ = call(libc::SYS_setpgid, [0, 0]);
        let fds = match task.source {
            Source::Copied(fds) => fds,
            Source::Staged(stage) => staged(stage)?,
        };
        for (target, &source) in fds.iter().enumerate() {
            call(libc::SYS_dup3, [source as usize, target, 0]).map_err(|_| Failure::Descriptors)?;
        }
        if let Some(procs) = image.procs.filter(|_| task.method == Method::Fork) {
            let itself = b"0";
            let written = call(libc::SYS_write, [procs as usize, itself.as_ptr() as usize, itself.len()]);
            written.map_err(Failure::Group)?;
        }
        close_others();
        for limit in image.limits.get() {
            let value = [limit.soft, limit.hard];
            // A limit that cannot be raised leaves the daemon's own in force, which is what the child would have had.
            let _ = call(libc::SYS_prlimit64, [0, limit.resource.number() as usize, value.as_ptr() as usize, 0]);
        }
        change_user(&image.user)?;
        if !image.directory.is_null() {
            call(libc::SYS_chdir, [image.directory as usize]).map_err(Failure::Chdir)?;
        }
        if let Some(umask) = image.umask {
            let _ = call(libc::SYS_umask, [umask as usize]);
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
        call(libc::SYS_close_range, [stage as usize + 1, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE as usize]).is_ok()
            || call(libc::SYS_unshare, [libc::CLONE_FILES as usize]).is_ok()
    };
    let mut fds = if apart { receive(stage) } else { None }.ok_or(Failure::Nothing)?;
    for fd in &mut fds {
        // A daemon without stdin has low numbers free, which are the child's targets.
        if *fd <= 2 {
            // SAFETY: the table is the child's own.
            let high = unsafe { call(libc::SYS_fcntl, [*fd as usize, libc::F_DUPFD as usize, 3]) };
            *fd = high.ok().and_then(|high| RawFd::try_from(high).ok()).ok_or(Failure::Descriptors)?;
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
    let got =
        unsafe { call(libc::SYS_recvmsg, [stage as usize, &raw mut message as usize, libc::MSG_DONTWAIT as usize]) };
    let whole = std::mem::offset_of!(Handed, fds) + size_of::<[RawFd; 3]>();
    (got == Ok(1) && handed.length == whole && handed.kind == libc::SCM_RIGHTS).then_some(handed.fds)
}

/// Every signal to its default, those included that were ignored when the daemon was started (nohup): a program begins
/// as if it had been started by a shell. Handlers went with clone3(2).
unsafe fn default_signals(task: &Task) {
    let to_reset = if task.method == Method::Fork { u64::MAX } else { task.image.ignored };
    let default = KernelSigaction::default();
    for signal in (1..=LAST).filter(|signal| to_reset >> (signal - 1) & 1 == 1) {
        let arguments = [signal as usize, &raw const default as usize, 0, SIGSET];
        // SAFETY: the struct is the kernel's; SIGKILL and SIGSTOP are refused, which is right.
        let _ = unsafe { call(libc::SYS_rt_sigaction, arguments) };
    }
}

unsafe fn close_others() {
    // SAFETY: nothing in this process uses a descriptor above 2 any more.
    unsafe {
        if call(libc::SYS_close_range, [3, u32::MAX as usize, 0]).is_err() {
            // Before Linux 5.9: one by one. The daemon's own have close-on-exec besides.
            for fd in 3..65_536 {
                let _ = call(libc::SYS_close, [fd]);
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
            call(libc::SYS_setgroups, [groups.count, groups.first as usize])
                .map_err(|_| Failure::SetUidWords("Could not set groups of effective user"))?;
            call(libc::SYS_setgid, [*gid as usize])
                .map_err(|_| Failure::SetUidWords("Could not set group id of effective user"))?;
            call(libc::SYS_setuid, [*uid as usize]).map(drop).map_err(Failure::SetUid)
        },
    }
}

/// Returns only if it failed.
unsafe fn exec(image: &Image) -> Failure {
    let none = 0_u64;
    // SAFETY: the pointers are into the image and end with a null each; signals that waited are delivered here.
    let failed = unsafe {
        let _ = mask(&raw const none, ptr::null_mut());
        call(libc::SYS_execve, [image.program as usize, image.argv as usize, image.envp as usize])
    };
    Failure::Exec(failed.err().unwrap_or_default())
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
    let mut vectors = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; 3];
    for (vector, part) in vectors.iter_mut().zip(parts) {
        *vector = libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() };
    }
    // SAFETY: each vector is a live slice or empty; writev(2) only reads them.
    let _ = unsafe { call(libc::SYS_writev, [2, vectors.as_ptr() as usize, vectors.len()]) };
}
