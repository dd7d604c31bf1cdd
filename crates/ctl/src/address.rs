//! Where a server listens: a URL taken apart, and a host's addresses.
//!
//! A static glibc must not call getaddrinfo(3), which would load the machine's own libc: numbers and `localhost` are read
//! here, /etc/hosts after them, and what is left is asked of a `getent` child. Deliberately absent: https.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// A name or a number.
        host: String,
        /// 80 where the URL names none.
        port: u16,
    },
}

impl Address {
    /// Take a URL apart; `None` for what is neither `http://host[:port]` nor `unix://path`.
    pub fn parse(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("unix://") {
            return Some(Self::Unix(path.into()));
        }
        let rest = url.strip_prefix("http://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']')?;
                (host, after.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None | Some("") => 80,
            Some(port) => port.parse().ok()?,
        };
        (!host.is_empty()).then(|| Self::Tcp { host: host.to_ascii_lowercase(), port })
    }

    /// What the `Host` header says.
    pub fn host_header(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".into(),
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

/// The addresses of a host, in the order in which they are tried.
///
/// # Errors
/// A name that nobody knows.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = if let Ok(number) = host.parse::<IpAddr>() {
        vec![number]
    } else if host == "localhost" {
        vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]
    } else {
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let known = in_hosts_file(&hosts, host);
        if known.is_empty() { ask_getent(host)? } else { known }
    };
    if found.is_empty() {
        return Err(io::Error::other(format!("{host}: Name or service not known")));
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// hosts(5): an address, then names; `#` begins a comment.
fn in_hosts_file(text: &str, host: &str) -> Vec<IpAddr> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(line));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
        })
        .collect()
}

/// Ask the machine's own resolver.
fn ask_getent(host: &str) -> io::Result<Vec<IpAddr>> {
    if host.starts_with('-') {
        return Ok(Vec::new());
    }
    let answer = Command::new("getent").args(["ahosts", host]).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let mut found: Vec<IpAddr> = Vec::new();
    for line in String::from_utf8_lossy(&answer.stdout).lines() {
        if let Some(address) = line.split_whitespace().next().and_then(|word| word.parse().ok())
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_socket_or_a_port() {
        let tcp = |host: &str, port| Some(Address::Tcp { host: host.into(), port });
        assert_eq!(Address::parse("unix:///run/s.sock"), Some(Address::Unix("/run/s.sock".into())));
        assert_eq!(Address::parse("http://localhost:9001"), tcp("localhost", 9001));
        assert_eq!(Address::parse("http://user:pass@Host/path"), tcp("host", 80));
        assert_eq!(Address::parse("http://[::1]:9001/"), tcp("::1", 9001));
        for url in ["https://x", "gopher://localhost/", "http://", "http://x:y", "x"] {
            assert_eq!(Address::parse(url), None, "{url}");
        }
    }

    #[test]
    fn numbers_and_localhost_need_no_resolver() {
        assert_eq!(resolve("127.0.0.1", 1).ok(), Some(vec![SocketAddr::from(([127, 0, 0, 1], 1))]));
        assert_eq!(resolve("localhost", 1).map(|found| found.len()).ok(), Some(2));
    }

    #[test]
    fn names_are_found_in_the_hosts_file() {
        let text = "127.0.0.1 localhost # here\n10.0.0.7\tweb web.example\n#10.0.0.8 db\n";
        assert_eq!(in_hosts_file(text, "WEB.example"), [IpAddr::from([10, 0, 0, 7])]);
        assert!(in_hosts_file(text, "db").is_empty());
    }
}
