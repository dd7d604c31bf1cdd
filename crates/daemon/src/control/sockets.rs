//! Sockets of FastCGI groups: made when the first of a group's programs starts, shared by all, held open over restarts, and
//! let go (with their file) when the group has come to rest.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use config::{SocketAddress, SocketConfig};

/// The open sockets by group.
#[derive(Debug, Default)]
pub struct Sockets(HashMap<String, Open>);

#[derive(Debug)]
struct Open {
    config: SocketConfig,
    socket: OwnedFd,
}

/// What the daemon's log calls a socket: its address as configured.
fn shown(config: &SocketConfig) -> String {
    match &config.address {
        SocketAddress::Tcp { host, port } => format!("tcp://{host}:{port}"),
        SocketAddress::Unix { path, .. } => format!("unix://{}", path.display()),
    }
}

impl Sockets {
    /// The socket of a group, and the line of the log if it was made just now.
    ///
    /// # Errors
    /// Why it cannot be made, in words.
    pub fn get(&mut self, group: &str, config: &SocketConfig) -> Result<(BorrowedFd<'_>, Option<String>), String> {
        let mut line = None;
        if !self.0.get(group).is_some_and(|open| open.config == *config) {
            self.0.remove(group);
            let socket = sys::sockets::fcgi(&config.address, config.backlog)
                .map_err(|error| format!("Could not create FastCGI socket {}: {error}", shown(config)))?;
            line = Some(format!("Creating socket {}", shown(config)));
            self.0.insert(group.to_owned(), Open { config: config.clone(), socket });
        }
        match self.0.get(group) {
            Some(open) => Ok((open.socket.as_fd(), line)),
            None => Err(format!("Could not create FastCGI socket {}", shown(config))),
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes the sockets of groups for which `idle` holds; returns the lines of the log.
    pub fn close(&mut self, mut idle: impl FnMut(&str) -> bool) -> Vec<String> {
        let groups: Vec<String> = self.0.keys().filter(|group| idle(group)).cloned().collect();
        groups.iter().filter_map(|group| self.0.remove(group)).map(Open::close).collect()
    }
}

impl Open {
    fn close(self) -> String {
        if let SocketAddress::Unix { path, .. } = &self.config.address {
            let path: &PathBuf = path;
            let _ = std::fs::remove_file(path);
        }
        format!("Closing socket {}", shown(&self.config))
    }
}
