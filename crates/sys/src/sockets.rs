//! Listening sockets: the server's (unix and TCP) and those of FastCGI groups.
//!
//! A unix socket can be reached only when its mode and owner are right: it is made under another name and linked to its
//! place. Deliberately absent: accepting, and DNS (numeric addresses, `localhost`, /etc/hosts, then a `getent` child).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use config::SocketAddress;
use rustix::fs::{CWD, Gid, Mode, RenameFlags, Uid, chmod, chown, link, renameat_with, unlink};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with, sockopt,
};

/// Connections that may wait to be accepted by the server.
const SERVER_BACKLOG: i32 = 1024;
/// `SOMAXCONN` of the C library: what the reference asks for where `socket_backlog` is not given.
const FCGI_BACKLOG: i32 = 4096;

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another program is already listening there")]
    InUse,
    /// Something that is no socket has that name: it is not removed.
    #[error("{0} exists and is not a socket")]
    NotASocket(PathBuf),
    /// Its owner cannot be set.
    #[error("not permitted to chown {path} to uid/gid ({uid}, {gid})")]
    Owner {
        /// The socket.
        path: PathBuf,
        /// Wanted user.
        uid: u32,
        /// Wanted group.
        gid: u32,
    },
    /// The host has no address.
    #[error("no address is known for host {0:?}")]
    UnknownHost(String),
    /// The kernel refuses.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<Errno> for SocketError {
    fn from(error: Errno) -> Self {
        if error == Errno::ADDRINUSE { Self::InUse } else { Self::System(error.into()) }
    }
}

/// A server's unix socket, listening; and whether a stale one was removed from its place.
///
/// # Errors
/// Somebody listens there, it cannot be made, or its owner cannot be set.
pub fn unix_server(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<(OwnedFd, bool), SocketError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let made = PathBuf::from(name);
    let result = unix_linked(path, &made, mode, owner);
    let _ = unlink(&made);
    result
}

fn unix_linked(path: &Path, made: &Path, mode: u32, owner: Option<(u32, u32)>) -> Result<(OwnedFd, bool), SocketError> {
    // One of a dead process of the same number.
    let _ = unlink(made);
    let socket = unix_bound(made, mode, owner, path, SocketFlags::NONBLOCK)?;
    listen(&socket, SERVER_BACKLOG)?;
    let mut stale = false;
    loop {
        let placed = match link(made, path) {
            // A file system without hard links.
            Err(Errno::PERM | Errno::OPNOTSUPP) => renameat_with(CWD, made, CWD, path, RenameFlags::NOREPLACE),
            result => result,
        };
        match placed {
            Ok(()) => return Ok((socket, stale)),
            // Twice stale is somebody else who does the same at this moment.
            Err(Errno::EXIST) if !stale => {
                remove_stale(path)?;
                stale = true;
            }
            Err(Errno::EXIST) => return Err(SocketError::InUse),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Remove a socket behind which nobody listens.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.into()));
    }
    let probe =
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        // EAGAIN: so many wait already that its owner is slow, but there.
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::InUse),
        Err(Errno::CONNREFUSED | Errno::PROTOTYPE | Errno::NOENT) => {
            let _ = unlink(path);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A unix socket at a place, with its mode and owner, not listening yet: nobody can connect.
fn unix_bound(
    place: &Path,
    mode: u32,
    owner: Option<(u32, u32)>,
    shown: &Path,
    flags: SocketFlags,
) -> Result<OwnedFd, SocketError> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddrUnix::new(place)?)?;
    if let Some((uid, gid)) = owner {
        // The highest number stands for «leave it as it is» (chown(2)); rustix says that by nothing.
        let uid_to_set = (uid != u32::MAX).then(|| Uid::from_raw(uid));
        let gid_to_set = (gid != u32::MAX).then(|| Gid::from_raw(gid));
        match chown(place, uid_to_set, gid_to_set) {
            Ok(()) => {}
            Err(Errno::PERM) => {
                let _ = unlink(place);
                return Err(SocketError::Owner { path: shown.into(), uid, gid });
            }
            Err(error) => {
                let _ = unlink(place);
                return Err(error.into());
            }
        }
    }
    // After chown(2), which may take bits away.
    chmod(place, Mode::from_raw_mode(mode))?;
    Ok(socket)
}

/// A server's TCP socket, listening. An empty host is all IPv4 addresses, as in the reference.
///
/// # Errors
/// Somebody listens there, the host has no address, or the kernel refuses.
pub fn tcp_server(host: &str, port: u16) -> Result<OwnedFd, SocketError> {
    tcp_listening(host, port, SERVER_BACKLOG, SocketFlags::NONBLOCK)
}

fn tcp_listening(host: &str, port: u16, backlog: i32, flags: SocketFlags) -> Result<OwnedFd, SocketError> {
    let address = SocketAddr::new(address_of(host)?, port);
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, backlog)?;
    Ok(socket)
}

/// The socket of a FastCGI group, listening; its programs get it as stdin, so it waits like any.
///
/// What has its name is removed first, as the reference does: a FastCGI socket belongs to its configuration.
///
/// # Errors
/// Its address cannot be bound, or its owner cannot be set.
pub fn fcgi(address: &SocketAddress, backlog: Option<u32>) -> Result<OwnedFd, SocketError> {
    let backlog = backlog.map_or(FCGI_BACKLOG, |wanted| i32::try_from(wanted).unwrap_or(i32::MAX));
    match address {
        SocketAddress::Tcp { host, port } => tcp_listening(host, *port, backlog, SocketFlags::empty()),
        SocketAddress::Unix { path, owner, mode } => {
            match unlink(path) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let socket = unix_bound(path, *mode, *owner, path, SocketFlags::empty())?;
            listen(&socket, backlog)?;
            Ok(socket)
        }
    }
}

/// The address of a host: a number, `localhost`, /etc/hosts, then what `getent` knows. IPv4 before IPv6.
///
/// # Errors
/// Nobody knows it.
pub fn address_of(host: &str) -> Result<IpAddr, SocketError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() || bare == "*" {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    }
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    if bare.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    first_address(&hosts, bare).or_else(|| asked(bare)).ok_or_else(|| SocketError::UnknownHost(host.into()))
}

/// The best line of a hosts(5) text that names this host.
fn first_address(hosts: &str, name: &str) -> Option<IpAddr> {
    let mut found: Vec<IpAddr> = hosts
        .lines()
        .filter_map(|line| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.first().copied()
}

/// `getent ahosts NAME`: the machine's own resolver, in a process of its own.
fn asked(name: &str) -> Option<IpAddr> {
    let text = crate::getent::ask("ahosts", name)?;
    let mut found: Vec<IpAddr> =
        text.lines().filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok()).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.first().copied()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_stale_socket_is_taken_over_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let (first, stale) = unix_server(&path, 0o640, None).unwrap();
        assert!(!stale);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
        assert!(matches!(unix_server(&path, 0o600, None), Err(SocketError::InUse)));
        drop(first);
        // A child that another test is just starting may hold a copy of the first one, until its exec.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let (_second, stale) = loop {
            match unix_server(&path, 0o600, None) {
                Err(SocketError::InUse) if std::time::Instant::now() < limit => std::thread::yield_now(),
                result => break result.unwrap(),
            }
        };
        assert!(stale);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_file_that_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        std::fs::write(&path, "text").unwrap();
        assert!(matches!(unix_server(&path, 0o600, None), Err(SocketError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    }

    #[test]
    fn a_fastcgi_socket_has_its_mode_and_replaces_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.sock");
        let address = SocketAddress::Unix { path: path.clone(), owner: None, mode: 0o700 };
        let _first = fcgi(&address, Some(5)).unwrap();
        let _second = fcgi(&address, None).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_taken_port_is_told() {
        let first = tcp_server("localhost", 0).unwrap();
        let port = match rustix::net::getsockname(&first).unwrap().try_into() {
            Ok(SocketAddr::V4(address)) => address.port(),
            _ => panic!("no IPv4 address"),
        };
        assert!(matches!(tcp_server("127.0.0.1", port), Err(SocketError::InUse)));
    }

    #[test]
    fn hosts_are_found_by_any_of_their_names() {
        let hosts = "::1 here\n10.1.2.3 db.example db here # x\n";
        assert_eq!(first_address(hosts, "DB"), Some("10.1.2.3".parse().unwrap()));
        assert_eq!(first_address(hosts, "here"), Some("10.1.2.3".parse().unwrap()));
        assert_eq!(first_address(hosts, "x"), None);
    }
}
