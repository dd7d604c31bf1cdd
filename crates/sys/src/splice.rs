//! Moving bytes from a pipe without looking at them.

use std::io;
use std::os::fd::AsFd;

use rustix::pipe::SpliceFlags;

/// Move up to `length` bytes from a pipe into a file at `offset`; never waits for the pipe. 0 is the pipe's end.
///
/// The file must not be opened to append: the kernel refuses that (EINVAL).
///
/// # Errors
/// EAGAIN: the pipe is empty; ENOSPC, EIO, EINVAL: the file does not take them, and they are still in the pipe.
pub fn to_file(pipe: impl AsFd, file: impl AsFd, offset: u64, length: usize) -> io::Result<usize> {
    let mut offset = offset;
    Ok(rustix::pipe::splice(pipe, None, file, Some(&mut offset), length, SpliceFlags::NONBLOCK)?)
}

/// Copy up to `length` bytes from one pipe to another; they stay in the first.
///
/// # Errors
/// EAGAIN: the first is empty, or the second full.
pub fn tee(from: impl AsFd, to: impl AsFd, length: usize) -> io::Result<usize> {
    Ok(rustix::pipe::tee(from, to, length, SpliceFlags::NONBLOCK)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_go_from_a_pipe_into_a_file_at_their_place() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&write, b"ABC").unwrap();
        assert_eq!(to_file(&read, &file, 4, 100).unwrap(), 3);
        assert_eq!(to_file(&read, &file, 7, 100).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(write);
        assert_eq!(to_file(&read, &file, 7, 100).unwrap(), 0);
        let mut found = [0; 10];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut found, 0).unwrap();
        assert_eq!(&found, b"0123ABC789");
    }
}
