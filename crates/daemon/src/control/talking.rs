//! What control itself says to children and hears from them: their stdin, and what listeners say.
//!
//! Deliberately absent: all other output, which the plane reads, and the meaning of what a listener says.

use engine::{CallId, Input, ProcessId};
use model::{Channel, Level, limits};

use super::stdin::Refused;
use super::world::World;
use crate::plane::Order;

/// At a listener's end, no more than this is read.
const LAST_WORDS: usize = 1024 * 1024;

impl World {
    /// The engine asks for a dead child's last words: a listener's are read here, all others by the plane.
    pub(super) fn drain(&mut self, process: ProcessId) {
        // More than a pipe holds comes from others that have it open.
        let mut heard = 0;
        while heard < LAST_WORDS {
            match self.listen(process) {
                0 => break,
                count => heard += count,
            }
        }
        if let Some(mut child) = self.children.remove(process) {
            child.stdin.close(&self.poll);
            if let Some(end) = &child.end {
                let _ = self.poll.remove(end);
            }
            if let Some(said) = &child.said {
                // Fails if its end was read before.
                let _ = self.poll.remove(said);
            }
        }
        self.draining += 1;
        self.plane.orders.send(Order::Drain { process });
    }

    /// Reads what a listener has said, and tells how much that was.
    pub(super) fn listen(&mut self, process: ProcessId) -> usize {
        let Some(child) = self.children.get_mut(process) else { return 0 };
        let Some(said) = &child.said else { return 0 };
        match rustix::io::read(said, &mut self.buffer) {
            Ok(0) => {
                let _ = self.poll.remove(said);
                child.said = None;
                0
            }
            Ok(count) => {
                let data = self.buffer.get(..count).unwrap_or_default().to_vec();
                if child.copied {
                    self.copy_to_log(process, &data);
                }
                self.inputs.push_back(Input::ListenerSaid { process, data });
                count
            }
            // Nothing now; epoll tells when.
            Err(_) => 0,
        }
    }

    /// A listener that floods while the disk stalls does not fill the memory: its log goes without.
    fn copy_to_log(&mut self, process: ProcessId, data: &[u8]) {
        if self.plane.orders.waiting() >= limits::ORDERS_WAITING {
            self.uncopied += data.len();
            return;
        }
        let lost = std::mem::take(&mut self.uncopied);
        if lost > 0 {
            self.log(Level::Warn, format!("{lost} bytes of event listeners are not in their logs: the disk was slow"));
        }
        self.plane.orders.send(Order::Write { process, channel: Channel::Stdout, data: data.to_vec() });
    }

    pub(super) fn write_stdin(&mut self, process: ProcessId, data: &[u8], call: Option<CallId>) {
        let written = match self.children.get_mut(process) {
            Some(child) => child.stdin.write(&self.poll, data),
            None => Err(Refused::Closed),
        };
        if written == Err(Refused::Full) {
            let pid = self.children.get_mut(process).map_or(0, |child| child.pid);
            self.log(Level::Error, format!("stdin of pid {pid} is full: {} bytes refused", data.len()));
        }
        match call {
            Some(call) => self.inputs.push_back(Input::StdinTaken { call, taken: written.is_ok() }),
            None if written.is_err() => self.inputs.push_back(Input::StdinClosed { process }),
            None => {}
        }
    }

    pub(super) fn flush_stdin(&mut self, process: ProcessId) {
        if let Some(child) = self.children.get_mut(process) {
            // What waited is lost with the pipe; the child's end follows, or its next event finds the pipe closed.
            let _ = child.stdin.flush(&self.poll);
        }
    }
}
