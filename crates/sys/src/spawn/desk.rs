//! Where a child works that shares the daemon's memory: a stack, its task, and a word that tells when it has gone.
//!
//! A copy of the memory is most of what a fork costs: page tables, a fault for each page that either side touches after
//! it, and taking all of it down at the exec. The daemon does not wait for the exec, as vfork(2) would have it: so each
//! child has a desk of its own, and the kernel clears the desk's word once the child has other memory (an exec) or none
//! (its end), which is what CLONE_CHILD_CLEARTID is for. Whoever finds no desk free forks.
//! Deliberately absent: what the child does (that is `child`).
#![allow(unsafe_code, reason = "a stack is raw memory")]

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;
use rustix::process::{Pid, test_kill_process};

use super::image::Block;

/// More children are seldom on their way to their exec.
const DESKS: usize = 32;
/// Desks that are kept at rest.
const KEPT: usize = 1;
/// The child calls a few small functions; what it does not touch is not there.
const STACK: usize = 64 * 1024;

static ALL: Mutex<Vec<Desk>> = Mutex::new(Vec::new());

/// A desk.
pub(super) struct Desk {
    pub(super) block: Block,
    stack: Stack,
    /// Not 0 while a child works here.
    word: Box<AtomicU32>,
    /// Who was the last.
    child: Option<Pid>,
}

pub(super) fn all() -> MutexGuard<'static, Vec<Desk>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Give the memory of desks back that a burst of starts has left; true if none of it is still in use.
pub fn clear_desks() -> bool {
    let mut all = all();
    let mut kept = 0;
    all.retain(|desk| {
        let is_free = desk.is_free();
        kept += usize::from(is_free);
        !is_free || kept <= KEPT
    });
    all.shrink_to_fit();
    all.len() <= KEPT
}

/// One that is free; a new one if there may be more.
pub(super) fn free(all: &mut Vec<Desk>) -> Option<&mut Desk> {
    let place = match all.iter().position(Desk::is_free) {
        Some(place) => place,
        None if all.len() < DESKS => {
            all.push(Desk { block: Block::new(), stack: Stack::new().ok()?, word: Box::default(), child: None });
            all.len() - 1
        }
        None => return None,
    };
    all.get_mut(place)
}

impl Desk {
    /// A child that was killed is gone as well, should the kernel not say so.
    fn is_free(&self) -> bool {
        let is_gone = || self.child.is_none_or(|child| test_kill_process(child).is_err());
        self.word.load(Ordering::Acquire) == 0 || is_gone()
    }

    /// The word, for the kernel.
    pub(super) fn take(&mut self) -> *mut u32 {
        self.word.store(1, Ordering::Relaxed);
        self.child = None;
        self.word.as_ptr()
    }

    /// This child works here, or nobody, because there is none.
    pub(super) fn is_for(&mut self, child: Option<Pid>) {
        self.child = child;
        if child.is_none() {
            self.word.store(0, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn is_taken_by(&self, child: u32) -> bool {
        let named = i32::try_from(child).ok().and_then(Pid::from_raw);
        self.child == named && self.word.load(Ordering::Acquire) != 0
    }

    /// Where its stack begins, and its bytes.
    pub(super) fn stack(&self) -> (u64, u64) {
        (self.stack.start as u64, STACK as u64)
    }
}

/// A stack with a page below it that cannot be touched.
struct Stack {
    mapping: *mut u8,
    start: *mut u8,
    size: usize,
}

// SAFETY: the mapping belongs to this value alone, and moves with it.
unsafe impl Send for Stack {}

impl Stack {
    fn new() -> io::Result<Self> {
        let guard = page_size();
        let size = guard + STACK;
        let (flags, access) = (MapFlags::PRIVATE | MapFlags::STACK, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let mapping = unsafe { mmap_anonymous(ptr::null_mut(), size, access, flags)? };
        // SAFETY: the first page is inside the mapping.
        let start = unsafe { mapping.cast::<u8>().add(guard) };
        let stack = Self { mapping: mapping.cast(), start, size };
        // SAFETY: nobody uses this page.
        unsafe { mprotect(mapping, guard, MprotectFlags::empty())? };
        Ok(stack)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and desks are dropped only while nobody works there.
        let _ = unsafe { munmap(self.mapping.cast(), self.size) };
    }
}
