//! Binding the servers, before the daemon goes into the background: addresses that are taken end the start with status 2.
//!
//! Deliberately absent: making sockets (`sys::sockets`) and serving them (`serve`).

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use config::{Host as _, ServerAddress, ServerConfig};
use model::Level;
use serde::{Deserialize, Serialize};
use sys::errno;
use sys::host::RealHost;
use sys::sockets::{self, SocketError};

/// A daemon that was killed between fork and exec leaves a child that holds its sockets until it comes to its exec; so long
/// a taken address is tried again.
const LAST_HOLDERS: Duration = Duration::from_millis(500);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// A server that is bound to its address and not yet served.
#[derive(Debug)]
pub struct BoundServer {
    pub(super) listener: Listener,
    pub(super) credentials: Option<(String, String)>,
    pub(super) allow_users: Vec<u32>,
    pub(super) file: Option<SocketFile>,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        Some(Self { path: path.to_owned(), inode: (found.dev(), found.ino()) })
    }

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
    #[error("Cannot open an HTTP server: socket.error reported {reported}\n  [{section}] {address}: {why}")]
    Refused {
        /// As the reference says it: `errno.EACCES (13)`.
        reported: String,
        /// Which section.
        section: String,
        /// Which address.
        address: String,
        /// In words.
        why: String,
    },
    /// The socket file cannot be given to the user of `chown=`.
    #[error(
        "Not permitted to chown {file} to uid/gid ({uid}, {gid}); adjust \"sockchown\" value in config file or on command line \
         to values that the current user ({user}) can successfully chown"
    )]
    Chown {
        /// Which.
        file: String,
        /// To whom.
        uid: u32,
        /// And to which group.
        gid: u32,
        /// Who tried: the name, or the number of one that has none.
        user: String,
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
        if server.credentials.is_none() && server.allow_users.is_empty() {
            let section = &server.section;
            log(Level::Critical, format!("Server '{section}' running without any HTTP authentication checking"));
        }
    }
    Ok(bound)
}

fn bind_one(server: &ServerConfig) -> Result<BoundServer, BindError> {
    let began = Instant::now();
    let bound = loop {
        match listen(&server.address) {
            Err(SocketError::InUse) if began.elapsed() < LAST_HOLDERS => thread::sleep(PAUSE),
            bound => break bound,
        }
    };
    let (listener, file) = bound.map_err(|error| refused(error, server))?;
    Ok(BoundServer { listener, credentials: server.credentials.clone(), allow_users: server.allow_users.clone(), file })
}

fn listen(address: &ServerAddress) -> Result<(Listener, Option<SocketFile>), SocketError> {
    match address {
        ServerAddress::Tcp { host, port } => {
            sockets::tcp_server(host, *port).map(|socket| (Listener::Tcp(socket.into()), None))
        }
        ServerAddress::Unix { file, chmod, chown } => {
            sockets::unix_server(file, *chmod, *chown).map(|(socket, stale)| {
                if stale {
                    // The reference's words, at its place: the log may not be open yet.
                    eprintln!("Unlinking stale socket {}", file.display());
                }
                (Listener::Unix(socket.into()), SocketFile::of(file))
            })
        }
    }
}

fn refused(error: SocketError, server: &ServerConfig) -> BindError {
    let why = error.to_string();
    let reported = match error {
        SocketError::InUse => return BindError::Taken,
        SocketError::Owner { path, uid, gid } => {
            let euid = rustix::process::geteuid().as_raw();
            let user = RealHost::default().user_numbered(euid).map_or_else(|| euid.to_string(), |account| account.name);
            return BindError::Chown { file: path.display().to_string(), uid, gid, user };
        }
        SocketError::System(error) => match (error.raw_os_error(), errno::of(&error)) {
            // Python finds this before the kernel can.
            (Some(_), name) if name == "ENAMETOOLONG" => "AF_UNIX path too long".into(),
            (Some(number), name) => format!("errno.{name} ({number})"),
            (None, words) => words,
        },
        // getaddrinfo's EAI_NONAME.
        SocketError::UnknownHost(_) => "-2".into(),
        SocketError::NotASocket(_) => why.clone(),
    };
    let address = match &server.address {
        ServerAddress::Tcp { host, port } => format!("port={host}:{port}"),
        ServerAddress::Unix { file, .. } => format!("file={}", file.display()),
    };
    BindError::Refused { reported, section: server.section.clone(), address, why }
}
