//! Sockets of FastCGI groups: made when the first of a group's programs starts, shared by all, held open over restarts, and
//! let go (with their file) when the group has come to rest.
//!
//! The address of a host is looked up by the errand that plans the start: here nothing waits.

use std::fmt::Display;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use config::{SocketAddress, SocketConfig};
use engine::SpawnOrder;

use super::office::Socket;

/// The open sockets.
#[derive(Debug, Default)]
pub struct Sockets(Vec<Open>);

#[derive(Debug)]
struct Open {
    group: String,
    config: SocketConfig,
    socket: OwnedFd,
    /// Its file, so that one that another daemon has put in its place is not removed.
    file: Option<(u64, u64)>,
}

/// What the daemon's log calls a socket: its address as configured.
fn shown(config: &SocketConfig) -> String {
    match &config.address {
        SocketAddress::Tcp { host, port } => format!("tcp://{host}:{port}"),
        SocketAddress::Unix { path, .. } => format!("unix://{}", path.display()),
    }
}

/// Device and inode of a unix socket's file.
fn file_of(config: &SocketConfig) -> Option<(u64, u64)> {
    let SocketAddress::Unix { path, .. } = &config.address else { return None };
    path.symlink_metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// The address of a host, or why there is none, in words.
pub type Found = Result<IpAddr, String>;

/// Looks up the host of a socket, if it has one. Waits.
pub fn look_up(config: &SocketConfig) -> Option<Found> {
    let SocketAddress::Tcp { host, .. } = &config.address else { return None };
    Some(sys::sockets::address_of(host).map_err(|error| error.to_string()))
}

/// With the address that was found in the place of the host.
fn resolved(config: &SocketConfig, address: Option<Found>) -> Result<SocketAddress, String> {
    match &config.address {
        SocketAddress::Tcp { port, .. } => {
            // It was open when the start was planned, and has been closed since.
            let found = address.unwrap_or_else(|| Err("its address is not known yet".into()));
            found.map(|address| SocketAddress::Tcp { host: address.to_string(), port: *port })
        }
        unix @ SocketAddress::Unix { .. } => Ok(unix.clone()),
    }
}

impl Sockets {
    /// Whether a start needs the socket made.
    pub fn wanted(&self, order: &SpawnOrder) -> Socket {
        let is_open = |config: &SocketConfig| self.open(&order.group, config).is_some();
        if order.socket.as_ref().is_none_or(is_open) { Socket::Ready } else { Socket::Wanted }
    }

    fn open(&self, group: &str, config: &SocketConfig) -> Option<&Open> {
        self.0.iter().find(|open| open.group == group && open.config == *config)
    }

    /// The socket of a group, for a child, and the line of the log if it was made just now: at the address that was found.
    ///
    /// # Errors
    /// Why it cannot be made, in words.
    pub fn get(
        &mut self,
        group: &str,
        config: &SocketConfig,
        address: Option<Found>,
    ) -> Result<(OwnedFd, Option<String>), String> {
        let trouble = |error: &dyn Display| format!("Could not create FastCGI socket {}: {error}", shown(config));
        if let Some(open) = self.open(group, config) {
            return Ok((open.socket.try_clone().map_err(|error| trouble(&error))?, None));
        }
        let address = resolved(config, address).map_err(|error| trouble(&error))?;
        let socket = sys::sockets::fcgi(&address, config.backlog).map_err(|error| trouble(&error))?;
        let copy = socket.try_clone().map_err(|error| trouble(&error))?;
        let file = file_of(config);
        self.0.push(Open { group: group.to_owned(), config: config.clone(), socket, file });
        Ok((copy, Some(format!("Creating socket {}", shown(config)))))
    }

    /// Go on with the socket of a program that was adopted.
    pub fn adopt(&mut self, group: &str, config: SocketConfig, socket: OwnedFd) {
        if self.open(group, &config).is_none() {
            let file = file_of(&config);
            self.0.push(Open { group: group.to_owned(), config, socket, file });
        }
    }

    /// All of them, to be handed over: group, address, socket, and its file.
    pub fn go(self) -> impl Iterator<Item = (String, SocketConfig, OwnedFd, Option<(u64, u64)>)> {
        self.0.into_iter().map(|open| (open.group, open.config, open.socket, open.file))
    }

    /// Go on with one that another daemon of this process had.
    pub fn take_up(&mut self, group: String, config: SocketConfig, socket: OwnedFd, file: Option<(u64, u64)>) {
        self.0.push(Open { group, config, socket, file });
    }

    /// True if there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes the sockets of groups for which `idle` holds; returns the lines of the log.
    pub fn close(&mut self, mut idle: impl FnMut(&str) -> bool) -> Vec<String> {
        self.0.extract_if(.., |open| idle(&open.group)).map(Open::close).collect()
    }
}

impl Open {
    fn close(self) -> String {
        if let SocketAddress::Unix { path, .. } = &self.config.address
            && self.file.is_some()
            && file_of(&self.config) == self.file
        {
            let _ = std::fs::remove_file(path);
        }
        format!("Closing socket {}", shown(&self.config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_made_once_and_leaves_no_file_but_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let address = SocketAddress::Unix { path: path.clone(), owner: None, mode: 0o700 };
        let config = SocketConfig { address, backlog: None };
        let mut sockets = Sockets::default();
        let creating = format!("Creating socket unix://{}", path.display());
        assert_eq!(sockets.get("web", &config, None).unwrap().1, Some(creating));
        assert_eq!(sockets.get("web", &config, None).unwrap().1, None);
        assert_eq!(sockets.close(|_| false).len(), 0);
        assert_eq!(sockets.close(|_| true), [format!("Closing socket unix://{}", path.display())]);
        assert!(!path.exists() && sockets.is_empty());
        sockets.get("web", &config, None).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "another's").unwrap();
        sockets.close(|_| true);
        assert!(path.exists());
    }

    #[test]
    fn a_host_is_looked_up_before_and_what_was_not_found_is_told_with_the_address() {
        let address = SocketAddress::Tcp { host: "no.such.host.example".into(), port: 0 };
        let config = SocketConfig { address, backlog: None };
        let mut sockets = Sockets::default();
        let words = "Could not create FastCGI socket tcp://no.such.host.example:0: ";
        assert_eq!(sockets.get("web", &config, Some(Err("why".into()))).unwrap_err(), format!("{words}why"));
        assert_eq!(sockets.get("web", &config, None).unwrap_err(), format!("{words}its address is not known yet"));
        let made = sockets.get("web", &config, Some(Ok("127.0.0.1".parse().unwrap()))).unwrap();
        assert_eq!(made.1.unwrap(), "Creating socket tcp://no.such.host.example:0");
        assert!(sockets.open("web", &config).is_some());
    }
}
