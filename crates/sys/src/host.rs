//! The real world for the reading of a configuration: files, users, the environment.
//!
//! A static glibc must not call getpwnam(3): it would load NSS modules of whatever libc the machine has. So users and
//! groups are read from /etc/passwd and /etc/group; one that is not there (LDAP, sssd) is asked of a `getent` child,
//! which gets three seconds. Answers are kept for as long as the host is, which is one reading.
//!
//! Deliberately absent: anything a configuration does not ask for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use config::{Account, Host, ReadError};
use rustix::fs::{Access, access};

/// The machine this runs on.
#[derive(Debug, Default)]
pub struct RealHost {
    /// What `getent DATABASE KEY` answered.
    asked: RefCell<HashMap<(&'static str, String), Option<String>>>,
}

impl RealHost {
    /// A host that has not asked anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The line of a database whose field number `field` is `key`.
    fn entry(&self, database: &'static str, field: usize, key: &str) -> Option<String> {
        let text = std::fs::read_to_string(format!("/etc/{database}")).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| line.split(':').nth(field) == Some(key)) {
            return Some(line.into());
        }
        let place = (database, key.to_owned());
        if let Some(known) = self.asked.borrow().get(&place) {
            return known.clone();
        }
        // getent takes digits for a number and all else for a name, just as the caller means it.
        let answer = getent(database, key).filter(|line| line.split(':').nth(field) == Some(key));
        self.asked.borrow_mut().insert(place, answer.clone());
        answer
    }
}

/// One line of `getent DATABASE KEY`.
fn getent(database: &str, key: &str) -> Option<String> {
    crate::getent::ask(database, key)?.lines().next().map(Into::into)
}

/// `name:password:uid:gid:comment:home:shell` (passwd(5)).
fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1).unwrap_or("/").into();
    Some(Account { name, uid, gid, home })
}

/// The names that match one component of a pattern, with their leading directory.
fn matches_in(folder: &str, component: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(if folder.is_empty() { "." } else { folder }) else { return Vec::new() };
    // `**` is nothing special to glob(3), and a bracket that is never closed stands for itself.
    let mut text = component.to_owned();
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    let Ok(pattern) = glob::Pattern::new(&text).or_else(|_| glob::Pattern::new(&text.replace('[', "[[]"))) else {
        return Vec::new();
    };
    let hidden = component.starts_with('.');
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| (hidden || !name.starts_with('.')) && pattern.matches(name))
        .map(|name| join(folder, &name))
        .collect()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

impl Host for RealHost {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        std::fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing,
            _ => ReadError::Unreadable(error.to_string()),
        })
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (mut found, rest) = match pattern.strip_prefix('/') {
            Some(rest) => (vec!["/".to_owned()], rest),
            None => (vec![String::new()], pattern),
        };
        for component in rest.split('/') {
            found = if component.contains(['*', '?', '[']) {
                found.iter().flat_map(|folder| matches_in(folder, component)).collect()
            } else {
                found.iter().map(|folder| join(folder, component)).collect()
            };
        }
        found.sort();
        found.into_iter().map(PathBuf::from).filter(|path| path.symlink_metadata().is_ok()).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().ok().map(|found| found.permissions().mode() & 0o7777)
    }

    fn user_named(&self, name: &str) -> Option<Account> {
        account(&self.entry("passwd", 0, name)?)
    }

    fn user_numbered(&self, uid: u32) -> Option<Account> {
        account(&self.entry("passwd", 2, &uid.to_string())?)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        self.entry("group", 0, name)?.split(':').nth(2)?.parse().ok()
    }

    fn group_numbered(&self, gid: u32) -> bool {
        self.entry("group", 2, &gid.to_string()).is_some()
    }

    fn environment(&self) -> Vec<(String, String)> {
        let text = |part: std::ffi::OsString| part.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn node_name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    fn current_dir(&self) -> PathBuf {
        std::env::current_dir().unwrap_or_else(|_| "/".into())
    }

    fn temp_dir(&self) -> PathBuf {
        let named = ["TMPDIR", "TEMP", "TMP"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
        let usual = ["/tmp", "/var/tmp", "/usr/tmp"].into_iter().map(PathBuf::from);
        let here = self.current_dir();
        let mut folders = named.chain(usual).map(|folder| here.join(folder));
        folders
            .find(|folder| folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
            .unwrap_or(here)
    }

    fn uid(&self) -> u32 {
        rustix::process::getuid().as_raw()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use config::Host;

    use super::{RealHost, account};

    #[test]
    fn root_is_known_by_name_and_by_number() {
        let host = RealHost::new();
        assert_eq!(host.user_named("root").map(|account| account.uid), Some(0));
        assert_eq!(host.user_numbered(0).map(|account| account.name).as_deref(), Some("root"));
        assert_eq!((host.group_named("root"), host.group_numbered(0)), (Some(0), true));
    }

    #[test]
    fn an_unknown_name_is_asked_of_getent_and_stays_unknown() {
        let host = RealHost::new();
        assert_eq!(
            (host.user_named("no-such-user"), host.user_named("--help"), host.user_named("")),
            (None, None, None)
        );
    }

    #[test]
    fn a_line_of_passwd_is_taken_apart() {
        let found = account("web:x:33:34:Web:/var/www:/bin/sh").unwrap();
        assert_eq!((found.name.as_str(), found.uid, found.gid, found.home), ("web", 33, 34, PathBuf::from("/var/www")));
        assert_eq!(account("web:x:many:34"), None);
    }

    #[test]
    fn a_pattern_finds_files_in_order_of_name_but_no_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt", "[.conf"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/x.conf"), "").unwrap();
        let found = |pattern: &str| -> Vec<String> {
            let paths = RealHost::new().glob(&format!("{}/{pattern}", folder.path().display()));
            let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
            paths.iter().map(name).collect()
        };
        assert_eq!(found("*.conf"), ["[.conf", "a.conf", "b.conf"]);
        assert_eq!(found("[ab].conf"), ["a.conf", "b.conf"]);
        assert_eq!(found("[!a].conf"), ["[.conf", "b.conf"]);
        assert_eq!(found("**/x.conf"), ["sub/x.conf"]);
        assert_eq!(found("a.conf"), ["a.conf"]);
        assert_eq!(found("missing.conf"), [""; 0]);
        assert_eq!(found("[*"), ["[.conf"]);
    }
}
