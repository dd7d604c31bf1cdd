//! A descriptor as it is written down between two programs of one process.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};
use sys::handover::{self, Left};

/// Its number, and by what it is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    number: i32,
    device: u64,
    inode: u64,
}

impl Descriptor {
    /// Leaves one to the successor.
    ///
    /// # Errors
    /// None that are known.
    pub fn leave(fd: OwnedFd) -> io::Result<Self> {
        let Left { number, device, inode } = handover::leave(fd)?;
        Ok(Self { number, device, inode })
    }

    /// For the system call.
    pub const fn left(self) -> Left {
        Left { number: self.number, device: self.device, inode: self.inode }
    }

    /// As the value of a variable.
    pub fn written(self) -> String {
        format!("{}:{}:{}", self.number, self.device, self.inode)
    }

    /// What `written` gave.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (number, device, inode) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { number: number.parse().ok()?, device: device.parse().ok()?, inode: inode.parse().ok()? })
    }
}

/// Takes descriptors up, each once.
#[derive(Debug, Default)]
pub struct Taker(HashSet<i32>);

impl Taker {
    /// This one.
    ///
    /// # Errors
    /// It was taken before, is not open, or is another one now.
    pub fn take(&mut self, descriptor: Descriptor) -> io::Result<OwnedFd> {
        if !self.0.insert(descriptor.number) {
            return Err(io::Error::other(format!("descriptor {} is named twice", descriptor.number)));
        }
        handover::take(descriptor.left())
    }

    /// This one, if there is one.
    ///
    /// # Errors
    /// As `take`.
    pub fn take_if(&mut self, descriptor: Option<Descriptor>) -> io::Result<Option<OwnedFd>> {
        descriptor.map(|descriptor| self.take(descriptor)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_survives_being_written_down_and_is_taken_once() {
        let left = Descriptor::leave(handover::text("t", b"x").unwrap()).unwrap();
        assert_eq!(Descriptor::parse(&left.written()), Some(left));
        assert_eq!(Descriptor::parse("7:x"), None);
        let mut taker = Taker::default();
        let taken = taker.take(left).unwrap();
        assert_eq!(handover::read(&taken).unwrap(), b"x");
        assert!(taker.take(left).unwrap_err().to_string().contains("named twice"));
    }
}
