//! System calls without the C library, for a child that shares the daemon's memory: the library would note an error in
//! the memory of the thread that made the child. And the one that makes such a child, on a stack of its own.
//!
//! On machines other than x86-64, for want of one to try it on, the library makes the calls, and children get a copy of
//! the memory.
#![allow(unsafe_code, reason = "system calls by number")]

use std::ffi::{c_int, c_long};

/// More arguments has no call that is made here.
const MOST: usize = 4;
/// What the kernel returns for an error lies between this and -1.
const LOWEST_ERROR: isize = -4095;

/// The kernel's answer, or its errno.
///
/// # Safety
/// As the call demands it.
pub(super) unsafe fn call<const N: usize>(number: c_long, arguments: [usize; N]) -> Result<usize, c_int> {
    const { assert!(N <= MOST) };
    let mut all = [0; MOST];
    for (place, argument) in all.iter_mut().zip(arguments) {
        *place = argument;
    }
    // SAFETY: the caller's promise.
    answer(unsafe { machine::call(number, all) })
}

/// Makes a child that shares this process' memory and begins in `entry` with `task`, on the stack that `how` names.
///
/// # Safety
/// `entry` never returns. The stack, `task` and what it leads to stay as they are until the child has executed a program
/// or ended.
pub(super) unsafe fn clone_onto_stack(
    how: &libc::clone_args,
    entry: extern "C" fn(usize) -> !,
    task: usize,
) -> Result<usize, c_int> {
    // SAFETY: the caller's promise.
    answer(unsafe { machine::clone_onto_stack(how, entry, task) })
}

/// Children may share the daemon's memory.
pub(super) const SHARES: bool = machine::SHARES;

fn answer(result: isize) -> Result<usize, c_int> {
    match result {
        LOWEST_ERROR..=-1 => Err(c_int::try_from(-result).unwrap_or(libc::EINVAL)),
        _ => Ok(result.cast_unsigned()),
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use std::arch::asm;
    use std::ffi::c_long;

    pub(super) const SHARES: bool = true;

    pub(super) unsafe fn call(number: c_long, [one, two, three, four]: [usize; 4]) -> isize {
        let result: isize;
        // SAFETY: the kernel changes rax, rcx and r11, and what the caller has promised to be right.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") number as isize => result,
                in("rdi") one, in("rsi") two, in("rdx") three, in("r10") four,
                lateout("rcx") _, lateout("r11") _,
                options(nostack),
            );
        }
        result
    }

    pub(super) unsafe fn clone_onto_stack(
        how: &libc::clone_args,
        entry: extern "C" fn(usize) -> !,
        task: usize,
    ) -> isize {
        let result: isize;
        // SAFETY: the child has all registers but rax and the stack's, and does not come back to this function.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "mov rdi, {task}",
                "call {entry}",
                "ud2",
                "2:",
                task = in(reg) task, entry = in(reg) entry,
                inlateout("rax") libc::SYS_clone3 as isize => result,
                in("rdi") how, in("rsi") size_of::<libc::clone_args>(),
                // Not late: `task` and `entry` must not lie in what the call changes.
                out("rcx") _, out("r11") _,
            );
        }
        result
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use std::ffi::c_long;

    pub(super) const SHARES: bool = false;

    pub(super) unsafe fn call(number: c_long, [one, two, three, four]: [usize; 4]) -> isize {
        // SAFETY: the caller's promise; the address of this thread's errno is always valid.
        unsafe {
            match libc::syscall(number, one, two, three, four) {
                -1 => -(*libc::__errno_location() as isize),
                result => result as isize,
            }
        }
    }

    pub(super) unsafe fn clone_onto_stack(_: &libc::clone_args, _: extern "C" fn(usize) -> !, _: usize) -> isize {
        -(libc::ENOSYS as isize)
    }
}
