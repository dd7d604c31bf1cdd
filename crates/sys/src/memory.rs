//! The C library's allocator, told to stay small: a supervisor is idle nearly always and lives for years.
//!
//! Deliberately absent: any other allocator.
#![allow(unsafe_code, reason = "mallopt and malloc_trim are the C library's")]

/// Blocks of this size and more are mapped by themselves, and go back to the system when they are freed.
const MAPPED: i32 = 256 * 1024;
/// So much that is free at the end of the heap is kept.
const KEPT: i32 = 64 * 1024;

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
}

/// Give pages that hold nothing any more back to the system. It looks at all free blocks: for moments of rest.
pub fn trim() {
    // SAFETY: malloc_trim(3) takes no pointer, and locks the allocator itself.
    unsafe { libc::malloc_trim(0) };
}
