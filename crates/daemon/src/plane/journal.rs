//! The journal's own protocol (systemd's «Native Journal Protocol»): an entry is a datagram of fields, and one that is too
//! large for a datagram is passed as a sealed file in memory. Nothing here waits.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::{Errno, write};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg};

/// Append a field. A value with a line feed has its length before it.
pub fn field(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

/// Send an entry.
///
/// # Errors
/// EAGAIN: the journal has too much to read; others: it is not there.
pub fn put(socket: BorrowedFd<'_>, entry: &[u8], flags: SendFlags) -> Result<(), Errno> {
    match send(socket, entry, flags) {
        Ok(_) => Ok(()),
        Err(Errno::MSGSIZE | Errno::NOBUFS) => put_large(socket, entry, flags),
        Err(error) => Err(error),
    }
}

fn put_large(socket: BorrowedFd<'_>, entry: &[u8], flags: SendFlags) -> Result<(), Errno> {
    let file = memfd_create("supervisord-journal", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut rest = entry;
    while !rest.is_empty() {
        let count = write(&file, rest)?;
        rest = rest.get(count..).unwrap_or_default();
    }
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(Errno::NOBUFS);
    }
    sendmsg(socket, &[IoSlice::new(&[])], &mut control, flags).map(drop)
}
