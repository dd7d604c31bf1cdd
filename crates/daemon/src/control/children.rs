//! The living children: by process, and by process id for the one loop that reaps them all.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use engine::ProcessId;

use super::stdin::Stdin;
use crate::survive::Kept;

/// Kinds of descriptors that control watches for a child; the lower bits of an epoll token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// There is room in its stdin.
    Stdin,
    /// A listener has said something.
    Listener,
    /// One that is no child of ours has ended.
    End,
    /// A descendant of one that has ended has ended too.
    Descendant,
}

/// Tokens below this are not of children.
pub const FIRST_TOKEN: u64 = 16;

/// The token of a child's descriptor.
pub const fn token(process: ProcessId, watched: Watched) -> u64 {
    FIRST_TOKEN + ((process.0 as u64) << 2) + watched as u64
}

/// What a token stands for.
pub fn watched(token: u64) -> Option<(ProcessId, Watched)> {
    let number = token.checked_sub(FIRST_TOKEN)?;
    let process = ProcessId(u32::try_from(number >> 2).ok()?);
    let watched = match number & 3 {
        0 => Watched::Stdin,
        1 => Watched::Listener,
        2 => Watched::End,
        _ => Watched::Descendant,
    };
    Some((process, watched))
}

/// A child that has not been drained yet.
#[derive(Debug)]
pub struct Child {
    /// Its process id.
    pub pid: u32,
    /// By what a successor knows it again.
    pub kept: Kept,
    /// Readable at its end: for one that is no child of ours.
    pub end: Option<OwnedFd>,
    /// What waits for its stdin.
    pub stdin: Stdin,
    /// The stdout of a listener.
    pub said: Option<OwnedFd>,
    /// A listener's stdout is also kept in a log.
    pub copied: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Children {
    by_process: HashMap<ProcessId, Box<Child>>,
    by_pid: HashMap<u32, ProcessId>,
}

impl Children {
    /// A child was started.
    pub fn insert(&mut self, process: ProcessId, child: Child) {
        self.by_pid.insert(child.pid, process);
        self.by_process.insert(process, Box::new(child));
    }

    /// The child of a process.
    pub fn get_mut(&mut self, process: ProcessId) -> Option<&mut Child> {
        self.by_process.get_mut(&process).map(Box::as_mut)
    }

    /// The kernel no longer knows this process id: whose it was.
    pub fn reaped(&mut self, pid: u32) -> Option<ProcessId> {
        self.by_pid.remove(&pid)
    }

    /// All of them, to be handed over.
    pub fn drain(&mut self) -> impl Iterator<Item = (ProcessId, Child)> {
        self.by_process.drain().map(|(process, child)| (process, *child))
    }

    /// It is done with: its pipes are let go.
    pub fn remove(&mut self, process: ProcessId) -> Option<Child> {
        let child = *self.by_process.remove(&process)?;
        // Usually gone already; not where its end could not be told.
        if self.by_pid.get(&child.pid) == Some(&process) {
            self.by_pid.remove(&child.pid);
        }
        Some(child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_process_and_descriptor() {
        for kind in [Watched::Stdin, Watched::Listener, Watched::End, Watched::Descendant] {
            for number in [0, 1, u32::MAX] {
                assert_eq!(watched(token(ProcessId(number), kind)), Some((ProcessId(number), kind)));
            }
        }
        assert_eq!(watched(FIRST_TOKEN - 1), None);
    }
}
