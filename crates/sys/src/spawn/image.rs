//! A plan in the form in which the child reads it: one block of memory beside the heap, so that the heap need not be
//! copied for the child at all (`memory::withhold`).
//!
//! One block serves one fork after another. Deliberately absent: where the texts come from (that is `plan`).
#![allow(unsafe_code, reason = "raw pointers are what system calls take")]

use std::ffi::{CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::child::Task;
use super::plan::{ChildPlan, UserChange};
use crate::limits::Limit;
use crate::signals;

/// What the child may read: numbers, and pointers into the block.
#[derive(Clone, Copy)]
pub(super) struct Image {
    pub(super) program: *const c_char,
    pub(super) argv: *const *const c_char,
    pub(super) envp: *const *const c_char,
    /// Null if it stays where the daemon is.
    pub(super) directory: *const c_char,
    pub(super) umask: Option<u32>,
    pub(super) user: Who,
    pub(super) limits: Many<Limit>,
    /// The control group it enters by itself.
    pub(super) procs: Option<RawFd>,
    /// The control group's folder, for clone3(2).
    pub(super) group: Option<RawFd>,
    pub(super) setuid_words: Many<u8>,
    pub(super) chdir_words: Many<u8>,
    pub(super) exec_words: Many<u8>,
    /// Signals that the daemon ignores; bit 0 is signal 1.
    pub(super) ignored: u64,
}

/// What is to be done about the user; see `UserChange`.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Same,
    Forbidden,
    To { uid: u32, gid: u32, groups: Many<u32> },
}

/// Some values in the block.
pub(super) struct Many<T> {
    pub(super) first: *const T,
    pub(super) count: usize,
}

impl<T> Clone for Many<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Many<T> {}

impl<T> Many<T> {
    /// # Safety
    /// The block that it points into has not been changed since.
    pub(super) unsafe fn get(&self) -> &[T] {
        // SAFETY: `Block::put` has written `count` values at `first`.
        unsafe { std::slice::from_raw_parts(self.first, self.count) }
    }
}

/// Memory of its own, used again for each fork.
pub(super) struct Block {
    start: *mut u8,
    size: usize,
    used: usize,
}

// SAFETY: the mapping belongs to this value alone, and moves with it.
unsafe impl Send for Block {}

impl Block {
    /// Nothing is mapped yet.
    pub(super) const fn new() -> Self {
        Self { start: ptr::null_mut(), size: 0, used: 0 }
    }

    /// Lays a plan out; the image is good until the next one.
    pub(super) fn lay_out(&mut self, plan: &ChildPlan) -> io::Result<Image> {
        self.clear(room(plan))?;
        let mut put = |text: &CString| Ok(self.put(text.to_bytes_with_nul())?.first.cast::<c_char>());
        let mut texts = plan.texts.iter().map(&mut put).collect::<io::Result<Vec<_>>>()?.into_iter();
        let program = texts.next().unwrap_or(ptr::null());
        let directory = if plan.has_directory { texts.next() } else { None }.unwrap_or(ptr::null());
        let argv: Vec<_> = texts.by_ref().take(plan.arguments).chain([ptr::null()]).collect();
        let envp: Vec<_> = texts.chain([ptr::null()]).collect();
        Ok(Image {
            program,
            directory,
            argv: self.put(&argv)?.first,
            envp: self.put(&envp)?.first,
            umask: plan.umask,
            user: match &plan.user {
                UserChange::None => Who::Same,
                UserChange::Forbidden => Who::Forbidden,
                UserChange::To { uid, gid, groups } => Who::To { uid: *uid, gid: *gid, groups: self.put(groups)? },
            },
            limits: self.put(&plan.limits)?,
            procs: plan.cgroup.as_ref().map(|group| group.procs().as_raw_fd()),
            group: plan.cgroup.as_ref().map(|group| group.folder().as_raw_fd()),
            setuid_words: self.put(&plan.words.setuid)?,
            chdir_words: self.put(&plan.words.chdir)?,
            exec_words: self.put(&plan.words.exec)?,
            ignored: signals::ignored(),
        })
    }

    /// Begins anew, with room for so many bytes.
    fn clear(&mut self, room: usize) -> io::Result<()> {
        self.used = 0;
        if room <= self.size {
            return Ok(());
        }
        let size = room.next_power_of_two();
        let (flags, access) = (MapFlags::PRIVATE, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), size, access, flags)? };
        self.unmap();
        (self.start, self.size) = (start.cast(), size);
        Ok(())
    }

    /// Copies values to the next free place; `room` has counted them, so that there is one.
    pub(super) fn put<T: Copy>(&mut self, values: &[T]) -> io::Result<Many<T>> {
        let at = self.used.next_multiple_of(align_of::<T>());
        let end = at + size_of_val(values);
        if end > self.size {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.used = end;
        // SAFETY: the place is inside the mapping (above), aligned, and nobody else's.
        let first = unsafe { self.start.add(at) }.cast::<T>();
        // SAFETY: as above; the values are outside of the block.
        unsafe { ptr::copy_nonoverlapping(values.as_ptr(), first, values.len()) };
        Ok(Many { first, count: values.len() })
    }

    fn unmap(&mut self) {
        if !self.start.is_null() {
            // SAFETY: the mapping is this value's, and nothing points into it any more.
            let _ = unsafe { munmap(self.start.cast(), self.size) };
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.unmap();
    }
}

/// The task, the ends of two lists, and what lies between values for the sake of their alignment.
const BETWEEN: usize = 128 + size_of::<Task>();

/// Bytes that a plan needs at most.
fn room(plan: &ChildPlan) -> usize {
    let texts: usize = plan.texts.iter().map(|text| text.count_bytes() + 1 + size_of::<*const c_char>()).sum();
    let words = plan.words.setuid.len() + plan.words.chdir.len() + plan.words.exec.len();
    let groups = if let UserChange::To { groups, .. } = &plan.user { size_of_val(&groups[..]) } else { 0 };
    texts + words + groups + size_of_val(&plan.limits[..]) + BETWEEN
}
