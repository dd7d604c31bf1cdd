//! A made-up machine for tests: files, two accounts, an environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Account, Host, ReadError};

/// The machine; only its files differ from test to test.
#[derive(Default)]
pub struct FakeHost {
    /// Path to text.
    pub files: BTreeMap<PathBuf, String>,
    /// Permission bits of all files.
    pub mode: u32,
}

impl FakeHost {
    /// A machine with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        Self { files, mode: 0o600 }
    }
}

const ACCOUNTS: [(&str, u32, &str); 2] = [("root", 0, "/root"), ("nobody", 65_534, "/nonexistent")];

fn accounts() -> impl Iterator<Item = Account> {
    ACCOUNTS.iter().map(|&(name, uid, home)| Account { name: name.into(), uid, gid: uid, home: home.into() })
}

impl Host for FakeHost {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.files.get(path).map(|text| text.clone().into_bytes()).ok_or(ReadError::Missing)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let matches =
            |path: &&PathBuf| path.to_string_lossy().starts_with(start) && path.to_string_lossy().ends_with(end);
        self.files.keys().filter(matches).cloned().collect()
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path) || self.is_dir(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        ["/", "/tmp", "/root", "/etc", "/dev", "/dev/fd", "/var/run", "/var/log"]
            .iter()
            .any(|known| path == Path::new(known))
            || self.files.keys().any(|file| file.ancestors().skip(1).any(|folder| folder == path))
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        self.files.contains_key(path).then_some(self.mode)
    }

    fn user_named(&self, name: &str) -> Option<Account> {
        accounts().find(|account| account.name == name)
    }

    fn user_numbered(&self, uid: u32) -> Option<Account> {
        accounts().find(|account| account.uid == uid)
    }

    fn group_named(&self, name: &str) -> Option<u32> {
        [("root", 0), ("nogroup", 65_534)].iter().find(|(known, _)| *known == name).map(|&(_, gid)| gid)
    }

    fn group_numbered(&self, gid: u32) -> bool {
        gid == 0 || gid == 65_534
    }

    fn environment(&self) -> Vec<(String, String)> {
        [("A", "from-env"), ("HOME", "/root"), ("PATH", "/usr/bin:/bin"), ("LC_CTYPE", "C.UTF-8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
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
