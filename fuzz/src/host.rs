//! A made-up machine with two files.

use std::path::{Path, PathBuf};

use config::{Account, Host, ReadError};

/// The main file.
pub const MAIN: &str = "/etc/supervisord.conf";
/// A file that it may include.
pub const PART: &str = "/etc/conf.d/part.conf";

/// The machine.
pub struct Machine<'a> {
    pub main: &'a [u8],
    pub part: &'a [u8],
}

impl Machine<'_> {
    /// The bytes of a file.
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        match path.to_str() {
            Some(MAIN) => Some(self.main),
            Some(PART) => Some(self.part),
            _ => None,
        }
    }
}

fn account(name: &str, uid: u32) -> Account {
    Account { name: name.into(), uid, gid: uid, home: format!("/home/{name}").into() }
}

impl Host for Machine<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.file(path).map(<[u8]>::to_vec).ok_or(ReadError::Missing)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, pattern));
        [MAIN, PART].iter().filter(|file| file.starts_with(start) && file.ends_with(end)).map(PathBuf::from).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        self.file(path).is_some() || self.is_dir(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        ["/", "/etc", "/etc/conf.d", "/tmp", "/var/log"].iter().any(|folder| path == Path::new(folder))
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        self.exists(path).then_some(0o644)
    }

    fn user_named(&self, name: &str) -> Option<Account> {
        ["root", "chris"].iter().position(|known| *known == name).map(|at| account(name, at as u32 * 1000))
    }

    fn user_numbered(&self, uid: u32) -> Option<Account> {
        (uid == 1000).then(|| account("chris", uid))
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        self.user_named(name).map(|found| found.gid)
    }

    fn group_numbered(&self, gid: u32) -> bool {
        gid == 1000
    }

    fn environment(&self) -> Vec<(String, String)> {
        [("HOME", "/root"), ("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")].map(|(a, b)| (a.into(), b.into())).to_vec()
    }

    fn node_name(&self) -> String {
        "node.example".into()
    }

    fn current_dir(&self) -> PathBuf {
        "/".into()
    }

    fn temp_dir(&self) -> PathBuf {
        "/tmp".into()
    }

    fn uid(&self) -> u32 {
        0
    }
}
