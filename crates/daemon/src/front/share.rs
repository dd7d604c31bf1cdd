//! The memory that bodies and answers may take together: who needs much of it takes a share first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Bytes;
use model::limits;

/// Bytes that all bodies and answers together may hold in memory.
const MEMORY: usize = 4 * limits::HTTP_BODY;

/// How much is taken.
#[derive(Debug, Default)]
pub(super) struct Memory(Arc<AtomicUsize>);

impl Memory {
    /// Takes a share; `None` if too much is taken.
    pub fn share(&self, bytes: usize) -> Option<Share> {
        let before = self.0.load(Ordering::Relaxed);
        if bytes > MEMORY.saturating_sub(before) {
            return None;
        }
        // Shares are taken by one thread alone, so nobody else has taken one meanwhile.
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Some(Share { bytes, memory: Arc::clone(&self.0) })
    }
}

/// A share of the front's memory; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    bytes: usize,
    memory: Arc<AtomicUsize>,
}

impl Share {
    /// Bytes that keep their share until they have been written to the client.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _share: self })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
