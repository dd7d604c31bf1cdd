//! Memory that a burst has left behind.
//!
//! Deliberately absent: any other tuning of the allocator.
#![allow(unsafe_code, reason = "malloc_trim is the C library's")]

/// Give pages that hold nothing any more back to the system. It looks at all free blocks: for moments of rest.
pub fn trim() {
    // SAFETY: malloc_trim(3) takes no pointer, and locks the allocator itself.
    unsafe { libc::malloc_trim(0) };
}
