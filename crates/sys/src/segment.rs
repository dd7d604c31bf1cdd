//! Memory that outlives the process: a System V shared memory segment (shmget(2)), of words that one thread writes and of
//! bytes beside them.
//!
//! A file could be cut off by anybody who may write it, and the next look at it would be a SIGBUS; it is written to the
//! disk again and again; and it needs a folder. A segment is none of that, and lives until it is removed or the system
//! ends. Where none is to be had the memory is this process' own. Deliberately absent: what the words mean.
#![allow(unsafe_code, reason = "shmat(2) gives an address, which is made into words and bytes here and nowhere else")]

use std::ffi::c_void;
use std::io;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// So much in front of the bytes is for the words: the bytes begin at a page.
const HEAD: usize = 4096;
/// How many words there are.
pub const WORDS: usize = 32;
/// Only its owner may see it.
const MODE: libc::c_int = 0o600;

/// A segment, or memory of this process alone.
#[derive(Debug)]
pub struct Segment(Arc<Mapping>);

#[derive(Debug)]
struct Mapping {
    start: NonNull<c_void>,
    length: usize,
    /// `None`: it is anonymous.
    id: Option<i32>,
}

// SAFETY: the mapping is memory of the process, bound to no thread. What is in it is reached through atomics (`Words`),
// or through the one `Bytes`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

/// The words of a segment.
#[derive(Clone, Debug)]
pub struct Words(Arc<Mapping>);

/// The bytes of a segment; there is only one of it.
#[derive(Debug)]
pub struct Bytes(Arc<Mapping>);

impl Segment {
    /// A new segment with so many bytes; all is zero.
    ///
    /// # Errors
    /// ENOSPC, ENOMEM: there are too many; ENOSYS, EPERM: they are not allowed here.
    pub fn create(bytes: usize) -> io::Result<Self> {
        // SAFETY: shmget(2) takes numbers only.
        let id = unsafe { libc::shmget(libc::IPC_PRIVATE, HEAD + bytes, libc::IPC_CREAT | MODE) };
        if id < 0 {
            return Err(io::Error::last_os_error());
        }
        Self::map(id, HEAD + bytes).inspect_err(|_| remove(id))
    }

    /// The segment of this number, which another process of the same user has made with as many bytes.
    ///
    /// # Errors
    /// EINVAL, EIDRM: there is none; EACCES: it is somebody else's, or of another size.
    pub fn attach(id: i32, bytes: usize) -> io::Result<Self> {
        let found = describe(id)?;
        let owned =
            found.shm_perm.cuid == rustix::process::geteuid().as_raw() && found.shm_perm.uid == found.shm_perm.cuid;
        if !owned || i32::from(found.shm_perm.mode) & 0o777 != MODE || found.shm_segsz != HEAD + bytes {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Self::map(id, HEAD + bytes)
    }

    /// Memory that ends with this process.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn private(bytes: usize) -> io::Result<Self> {
        let length = HEAD + bytes;
        // SAFETY: the kernel chooses the place, so nothing that exists is mapped over.
        let start =
            unsafe { mmap_anonymous(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }?;
        Ok(Self(Arc::new(Mapping::new(start, length, None)?)))
    }

    fn map(id: i32, length: usize) -> io::Result<Self> {
        // SAFETY: the kernel chooses the place, so nothing that exists is mapped over.
        let start = unsafe { libc::shmat(id, ptr::null(), 0) };
        if start.addr() == usize::MAX {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(Arc::new(Mapping::new(start, length, Some(id))?)))
    }

    /// By which another process may attach it; `None` if it ends with this one.
    #[must_use]
    pub fn id(&self) -> Option<i32> {
        self.0.id
    }

    /// Its words.
    #[must_use]
    pub fn words(&self) -> Words {
        Words(Arc::clone(&self.0))
    }

    /// Its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        Bytes(self.0)
    }
}

impl Mapping {
    fn new(start: *mut c_void, length: usize, id: Option<i32>) -> io::Result<Self> {
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        // A child has no use for it before it becomes its program. Nothing depends on it.
        // SAFETY: this changes what a fork copies, and no byte of this process.
        let _ = unsafe { madvise(start.as_ptr(), length, Advice::LinuxDontFork) };
        Ok(Self { start, length, id })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let start = self.start.as_ptr();
        // SAFETY: it was mapped by `map` or `private` with this length, and nobody refers to it any more.
        unsafe {
            if self.id.is_some() {
                libc::shmdt(start);
            } else {
                let _ = munmap(start, self.length);
            }
        }
    }
}

impl Words {
    /// Nobody will attach it any more: it goes with the last process that has it.
    pub fn remove(&self) {
        self.0.id.into_iter().for_each(remove);
    }
}

impl Deref for Words {
    type Target = [AtomicU64; WORDS];

    fn deref(&self) -> &Self::Target {
        // SAFETY: the mapping begins with HEAD bytes, at a page, that are only ever reached as these atomics.
        unsafe { self.0.start.cast::<[AtomicU64; WORDS]>().as_ref() }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping has HEAD bytes and these behind, and this is the only one that reaches them.
        unsafe { std::slice::from_raw_parts(self.0.start.as_ptr().cast::<u8>().add(HEAD), self.0.length - HEAD) }
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; whoever has it alone may write.
        unsafe { std::slice::from_raw_parts_mut(self.0.start.as_ptr().cast::<u8>().add(HEAD), self.0.length - HEAD) }
    }
}

fn describe(id: i32) -> io::Result<libc::shmid_ds> {
    // SAFETY: it is a plain structure of numbers.
    let mut found: libc::shmid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: shmctl(2) fills the structure it is given.
    if unsafe { libc::shmctl(id, libc::IPC_STAT, &raw mut found) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(found)
}

fn remove(id: i32) {
    // SAFETY: IPC_RMID takes no structure.
    unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    const SIZE: usize = 64 * 1024;

    #[test]
    fn what_is_in_a_segment_is_there_for_whoever_attaches_it() {
        let first = Segment::create(SIZE).unwrap();
        let (id, words) = (first.id().unwrap(), first.words());
        words[3].store(7, Ordering::Relaxed);
        let mut bytes = first.into_bytes();
        assert!(bytes.len() == SIZE && bytes.iter().all(|byte| *byte == 0));
        bytes[SIZE - 1] = b'x';
        drop((words, bytes));
        let next = Segment::attach(id, SIZE).unwrap();
        let words = next.words();
        assert_eq!(words[3].load(Ordering::Relaxed), 7);
        assert_eq!(next.into_bytes()[SIZE - 1], b'x');
        words.remove();
        drop(words);
        assert!(Segment::attach(id, SIZE).is_err(), "it is gone");
    }

    #[test]
    fn a_segment_of_another_size_or_of_a_wider_mode_is_not_taken() {
        let segment = Segment::create(SIZE).unwrap();
        let words = segment.words();
        let refused = |id, size| Segment::attach(id, size).unwrap_err().kind() == io::ErrorKind::PermissionDenied;
        assert!(refused(segment.id().unwrap(), 2 * SIZE));
        // SAFETY: shmget(2) takes numbers only.
        let open = unsafe { libc::shmget(libc::IPC_PRIVATE, HEAD + SIZE, libc::IPC_CREAT | 0o666) };
        assert!(refused(open, SIZE));
        remove(open);
        words.remove();
    }

    #[test]
    fn memory_of_the_process_alone_has_no_number() {
        let segment = Segment::private(SIZE).unwrap();
        assert_eq!((segment.id(), segment.into_bytes().len()), (None, SIZE));
    }
}
