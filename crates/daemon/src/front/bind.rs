//! Binding the servers, before the daemon goes into the background: addresses that are taken end the start with status 2.
//!
//! A unix socket is bound under a name of its own and then linked to its place, so that two daemons never share it and nobody
//! connects before its mode is set. Deliberately absent: serving (`serve`), and getaddrinfo (a static binary has no NSS).

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use config::types::{ServerAddress, ServerConfig};
use model::Level;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// Clients that may wait to be accepted, as in the reference.
const BACKLOG: i32 = 1024;
/// How often a stale socket is cleared away before another program is taken to put it there.
const TRIES: usize = 5;

/// A server that is bound to its address and not yet served.
#[derive(Debug)]
pub struct BoundServer {
    pub(super) listener: Listener,
    pub(super) credentials: Option<(String, String)>,
    file: Option<SocketFile>,
}

/// A bound socket.
#[derive(Debug)]
pub(super) enum Listener {
    /// Of `[unix_http_server]`.
    Unix(UnixListener),
    /// Of `[inet_http_server]`.
    Tcp(TcpListener),
}

impl BoundServer {
    /// The file of its socket, if it has one.
    #[must_use]
    pub fn socket_file(&self) -> Option<&SocketFile> {
        self.file.as_ref()
    }
}

/// The file of a unix socket that this daemon made.
#[derive(Clone, Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    /// Removes it, unless another has been put in its place.
    pub fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why a server cannot be opened; the first words are the reference's.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is in use.
    #[error(
        "Another program is already listening on a port that one of our HTTP servers is configured to use.  \
         Shut this program down first before starting supervisord."
    )]
    Taken,
    /// The system refuses.
    #[error("Cannot open an HTTP server: socket.error reported {reported} ([{section}] {address})")]
    Refused {
        /// `errno.EACCES (13)`.
        reported: String,
        /// Which section.
        section: String,
        /// Which address.
        address: String,
    },
    /// The socket file cannot be given to the user of `chown=`.
    #[error(
        "Not permitted to chown {file} to uid/gid ({uid}, {gid}); adjust \"sockchown\" value in config file or on command line \
         to values that the current user (uid {euid}) can successfully chown"
    )]
    Chown {
        /// Which.
        file: String,
        /// To whom.
        uid: u32,
        /// And to which group.
        gid: u32,
        /// Who tried.
        euid: u32,
    },
}

/// Binds all servers of a configuration, in order; `log` gets what the reference logs meanwhile. What was bound before an error
/// is let go again.
///
/// # Errors
/// The first address that cannot be bound.
pub fn bind(
    servers: &[ServerConfig],
    interfaces: &[String],
    log: &mut dyn FnMut(Level, String),
) -> Result<Vec<BoundServer>, BindError> {
    let mut bound: Vec<BoundServer> = Vec::with_capacity(servers.len());
    for server in servers {
        match bind_one(server) {
            Ok(one) => bound.push(one),
            Err(error) => {
                bound.iter().filter_map(BoundServer::socket_file).for_each(SocketFile::remove);
                return Err(error);
            }
        }
        for name in interfaces {
            log(Level::Info, format!("RPC interface '{name}' initialized"));
        }
        if server.credentials.is_none() {
            let section = &server.section;
            log(Level::Critical, format!("Server '{section}' running without any HTTP authentication checking"));
        }
    }
    Ok(bound)
}

fn bind_one(server: &ServerConfig) -> Result<BoundServer, BindError> {
    let (address, result) = match &server.address {
        ServerAddress::Tcp { host, port } => {
            let listener = resolve(host).and_then(|ip| listen_tcp(SocketAddr::new(ip, *port)));
            (format!("port={host}:{port}"), listener.map(|listener| (Listener::Tcp(listener), None)))
        }
        ServerAddress::Unix { file, chmod, chown } => {
            let result = listen_unix(file, *chmod);
            if let (Ok(_), Some((uid, gid))) = (&result, chown) {
                give(file, *uid, *gid)?;
            }
            (format!("file={}", file.display()), result.map(|(listener, file)| (Listener::Unix(listener), Some(file))))
        }
    };
    let (listener, file) = result.map_err(|error| refused(&error, server, address))?;
    Ok(BoundServer { listener, credentials: server.credentials.clone(), file })
}

fn refused(error: &io::Error, server: &ServerConfig, address: String) -> BindError {
    if error.kind() == io::ErrorKind::AddrInUse {
        return BindError::Taken;
    }
    let reported = match error.raw_os_error() {
        Some(number) => match errno_name(number) {
            Some(name) => format!("errno.{name} ({number})"),
            None => number.to_string(),
        },
        None => error.to_string(),
    };
    BindError::Refused { reported, section: server.section.clone(), address }
}

/// Names (errno(3)) of the errors that opening a server can meet.
fn errno_name(number: i32) -> Option<&'static str> {
    const NAMES: &[(i32, &str)] = &[
        (1, "EPERM"),
        (2, "ENOENT"),
        (12, "ENOMEM"),
        (13, "EACCES"),
        (17, "EEXIST"),
        (18, "EXDEV"),
        (20, "ENOTDIR"),
        (21, "EISDIR"),
        (22, "EINVAL"),
        (23, "ENFILE"),
        (24, "EMFILE"),
        (28, "ENOSPC"),
        (30, "EROFS"),
        (36, "ENAMETOOLONG"),
        (40, "ELOOP"),
        (95, "EOPNOTSUPP"),
        (97, "EAFNOSUPPORT"),
        (99, "EADDRNOTAVAIL"),
    ];
    NAMES.iter().find(|&&(known, _)| known == number).map(|&(_, name)| name)
}

/// The address of a host: numbers and `localhost` are known here, other names are asked of `getent`.
fn resolve(host: &str) -> io::Result<IpAddr> {
    if host.is_empty() || host == "*" {
        return Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("-2 (the host name '{host}' is not known)"));
    let found = Command::new("getent").args(["ahostsv4", host]).output().map_err(|_| unknown())?;
    let text = String::from_utf8_lossy(&found.stdout);
    text.split_whitespace().next().and_then(|word| word.parse().ok()).ok_or_else(unknown)
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

fn socket(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

fn listen_unix(file: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let mut own_name = file.as_os_str().to_owned();
    own_name.push(format!(".{}", std::process::id()));
    let own_name = PathBuf::from(own_name);
    let result = (0..TRIES).find_map(|_| link_unix(file, &own_name, mode).transpose());
    let _ = fs::remove_file(&own_name);
    result.unwrap_or_else(|| Err(io::ErrorKind::AddrInUse.into()))
}

/// One try: `None` if a stale socket was in the way and has been removed.
fn link_unix(file: &Path, own_name: &Path, mode: u32) -> io::Result<Option<(UnixListener, SocketFile)>> {
    let _ = fs::remove_file(own_name);
    let socket = socket(AddressFamily::UNIX)?;
    let address = rustix::net::SocketAddrUnix::new(own_name)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "AF_UNIX path too long"))?;
    rustix::net::bind(&socket, &address)?;
    fs::set_permissions(own_name, fs::Permissions::from_mode(mode))?;
    let found = fs::symlink_metadata(own_name)?;
    match fs::hard_link(own_name, file) {
        Ok(()) => {
            rustix::net::listen(&socket, BACKLOG)?;
            let file = SocketFile { path: file.to_owned(), inode: (found.dev(), found.ino()) };
            Ok(Some((UnixListener::from(socket), file)))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            clear_stale(file)?;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Removes a socket that nobody listens on.
fn clear_stale(file: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(file)?;
    if !found.file_type().is_socket() {
        let why = format!("{} exists and is no socket: remove it, or name another file", file.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    if UnixStream::connect(file).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    eprintln!("Unlinking stale socket {}", file.display());
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Another daemon that starts in this very moment may have found it stale, too: let it win or lose first.
    thread::sleep(Duration::from_millis(50));
    Ok(())
}

fn give(file: &Path, uid: u32, gid: u32) -> Result<(), BindError> {
    chown(file, Some(uid), Some(gid)).map_err(|_| {
        let _ = fs::remove_file(file);
        let euid = rustix::process::geteuid().as_raw();
        BindError::Chown { file: file.display().to_string(), uid, gid, euid }
    })
}
