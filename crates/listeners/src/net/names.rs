//! Host names to addresses without the C library's resolver, which a static program must not load modules for.
//!
//! Numbers and `localhost` are read by hand, then `/etc/hosts`; every other name is asked of `getent`, which is the host's own
//! and follows its nsswitch.conf.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use crate::child::{self, ChildError, Printed};

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Nobody knows it.
    #[error("the host name {0:?} is not known")]
    Unknown(String),
    /// `getent` could not be asked.
    #[error("the host name {0:?} cannot be looked up (give its number): getent: {1}")]
    Lookup(String, ChildError),
}

/// The addresses of a host, in the order in which they are to be tried.
///
/// # Errors
/// The name is unknown, or `getent` is missing or took longer than `limit`.
pub fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, NameError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let mut found = hosts(&std::fs::read_to_string("/etc/hosts").unwrap_or_default(), bare);
    if bare.eq_ignore_ascii_case("localhost") {
        found = vec![IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
    } else if found.is_empty() {
        found = getent(bare, limit)?;
    }
    if found.is_empty() {
        return Err(NameError::Unknown(bare.to_owned()));
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// The addresses that a text in the form of `/etc/hosts` gives a name.
fn hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    let matching = lines.filter_map(|mut words| {
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    });
    matching.collect()
}

fn getent(host: &str, limit: Duration) -> Result<Vec<IpAddr>, NameError> {
    // A name never begins with a dash; as an argument it would be an option.
    if host.is_empty() || host.starts_with('-') {
        return Ok(Vec::new());
    }
    let mut command = Command::new("getent");
    command.args(["ahosts", host]);
    let ended =
        child::run(command, b"", Printed::Taken, limit).map_err(|why| NameError::Lookup(host.to_owned(), why))?;
    let mut found: Vec<IpAddr> = Vec::new();
    for line in String::from_utf8_lossy(&ended.printed).lines() {
        // One line for each kind of socket: the same address comes three times.
        match line.split_whitespace().next().and_then(|word| word.parse().ok()) {
            Some(address) if !found.contains(&address) => found.push(address),
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{NameError, hosts, resolve};
    use std::time::Duration;

    #[test]
    fn numbers_and_localhost_need_no_lookup() {
        let shown = |host: &str| format!("{:?}", resolve(host, 25, Duration::ZERO).unwrap());
        assert_eq!(shown("127.0.0.2"), "[127.0.0.2:25]");
        assert_eq!(shown("[::1]"), "[[::1]:25]");
        assert_eq!(shown("LocalHost"), "[[::1]:25, 127.0.0.1:25]");
    }

    #[test]
    fn names_of_the_hosts_file_are_found_beside_comments() {
        let text =
            "# 10.0.0.1 mail\n10.0.0.2 other mail.example # 10.0.0.3 x\n::2\tmail.example\nnonsense mail.example\n";
        assert_eq!(format!("{:?}", hosts(text, "MAIL.example")), "[10.0.0.2, ::2]");
        assert_eq!(hosts(text, "mail"), [] as [std::net::IpAddr; 0]);
    }

    #[test]
    fn a_name_that_nobody_knows_is_named_in_the_error() {
        let error = resolve("no-such-host.invalid", 25, Duration::from_secs(20)).unwrap_err();
        assert!(matches!(error, NameError::Unknown(_) | NameError::Lookup(..)), "{error}");
        assert!(error.to_string().contains("no-such-host.invalid"));
        assert!(matches!(resolve("-s", 25, Duration::ZERO), Err(NameError::Unknown(_))));
    }
}
