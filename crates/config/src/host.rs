//! What reading a configuration needs of the world. The crate itself touches nothing: the daemon and supervisorctl hand
//! it a real host (`sys::host`), tests a made-up one.
//!
//! Deliberately absent: writing anything, and every question that a configuration does not ask.

use std::path::{Path, PathBuf};

/// The world as a configuration sees it.
pub trait Host {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Whether it is missing or why it cannot be read.
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError>;

    /// The paths that match a pattern as glob(3) sees it (`*`, `?`, `[a-z]`; a leading dot must be written), sorted by
    /// code point. A pattern without magic matches the path itself, if it exists.
    fn glob(&self, pattern: &str) -> Vec<PathBuf>;

    /// True if something is there (a broken link is nothing).
    fn exists(&self, path: &Path) -> bool;

    /// True if a directory is there.
    fn is_dir(&self, path: &Path) -> bool;

    /// The permission bits and the owner of what is there (stat(2)).
    fn mode(&self, path: &Path) -> Option<u32>;

    /// The account with this name.
    fn user_named(&self, name: &str) -> Option<Account>;

    /// The account with this number.
    fn user_numbered(&self, uid: u32) -> Option<Account>;

    /// The number of the group with this name.
    fn group_named(&self, name: &str) -> Option<u32>;

    /// True if a group has this number.
    fn group_numbered(&self, gid: u32) -> bool;

    /// The environment, in no particular order.
    fn environment(&self) -> Vec<(String, String)>;

    /// `%(host_node_name)s`: the node's name of uname(2).
    fn node_name(&self) -> String;

    /// The working directory, absolute.
    fn current_dir(&self) -> PathBuf;

    /// Where temporary files go: `TMPDIR`, `TEMP`, `TMP`, /tmp, /var/tmp, /usr/tmp or the working directory, the first
    /// that can be written to.
    fn temp_dir(&self) -> PathBuf;

    /// The user that this process acts as.
    fn uid(&self) -> u32;
}

/// An account of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its home directory.
    pub home: PathBuf,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not there.
    Missing,
    /// It is there, and what the system said.
    Unreadable(String),
}
