//! The C library's allocator, told to stay small: a supervisor is idle nearly always and lives for years. And its heap,
//! which a child that is about to become a program need not get a copy of.
//!
//! Deliberately absent: any other allocator.
#![allow(unsafe_code, reason = "mallopt, malloc_trim, sbrk and madvise are the C library's and the kernel's")]

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::mm::{Advice, madvise};
use rustix::param::page_size;

/// Blocks of this size and more are mapped by themselves, and go back to the system when they are freed.
const MAPPED: i32 = 256 * 1024;
/// So much that is free at the end of the heap is kept.
const KEPT: i32 = 64 * 1024;
/// What a static C library keeps of its main thread at the beginning of the heap is less than this behind its errno.
const THREAD: usize = 16 * 1024;

/// Where the part of the heap begins that is not needed by a child; 0 while that is not known.
static HEAP: AtomicUsize = AtomicUsize::new(0);

/// One heap for all threads, and large blocks outside of it. To be called before there is a second thread.
///
/// A heap for each thread would keep what its own burst left: plans of children are made by one thread and dropped by
/// another. Without fixed sizes the allocator raises its own with every large answer that is freed, and keeps the next.
pub fn stay_small() {
    // SAFETY: mallopt(3) takes numbers only, and no other thread uses the allocator yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
    // SAFETY: the address of this thread's errno is always valid.
    let errno = unsafe { libc::__errno_location() } as usize;
    let end = heap_end();
    // In a static program the main thread's own memory lies before the first block, in a dynamic one elsewhere.
    let begin = if (end.saturating_sub(MAPPED as usize)..end).contains(&errno) { errno + THREAD } else { end };
    HEAP.store(begin.next_multiple_of(page_size()), Ordering::Relaxed);
}

fn heap_end() -> usize {
    // SAFETY: sbrk(0) moves nothing.
    unsafe { libc::sbrk(0) as usize }
}

/// Give pages that hold nothing any more back to the system. It looks at all free blocks: for moments of rest.
pub fn trim() {
    // SAFETY: malloc_trim(3) takes no pointer, and locks the allocator itself.
    unsafe { libc::malloc_trim(0) };
}

/// As long as this lives, a fork gives the child no copy of the heap, and the daemon does not pay for each page that it
/// changes after it. The child may use nothing that was ever allocated.
#[derive(Debug)]
pub(crate) struct Withheld {
    start: usize,
    length: usize,
}

/// Withhold the heap from the next child, where it is known.
pub(crate) fn withhold() -> Option<Withheld> {
    let start = HEAP.load(Ordering::Relaxed);
    let length = if start > 0 { heap_end().saturating_sub(start) } else { 0 };
    if length == 0 {
        return None;
    }
    let withheld = Withheld { start, length };
    withheld.advise(Advice::LinuxDontFork).then_some(withheld)
}

impl Withheld {
    fn advise(&self, advice: Advice) -> bool {
        // SAFETY: this changes what a fork copies, and no byte of this process. The pointer is never read through.
        unsafe { madvise(ptr::with_exposed_provenance_mut::<c_void>(self.start), self.length, advice) }.is_ok()
    }
}

impl Drop for Withheld {
    /// Other children than programs (a daemon that goes into the background) go on with all of it.
    fn drop(&mut self) {
        self.advise(Advice::LinuxDoFork);
    }
}
