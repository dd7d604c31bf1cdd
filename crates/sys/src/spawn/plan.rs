//! What a child needs, brought into the form that system calls take, so that nothing is allocated after the fork.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::geteuid;

use crate::cgroup::Cgroup;
use crate::limits::Limit;

/// Who a child is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups; the primary group is put before them.
    pub groups: Vec<u32>,
}

/// A child as its configuration describes it.
#[derive(Clone, Debug, Default)]
pub struct ChildSpec {
    /// The file to execute.
    pub program: PathBuf,
    /// Its arguments, its name first.
    pub argv: Vec<OsString>,
    /// Its whole environment; of a name that is there twice the last value counts.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub directory: Option<OsString>,
    /// Its umask.
    pub umask: Option<u32>,
    /// Its user, if it is another than the daemon's.
    pub user: Option<Credentials>,
    /// Resource limits it gets instead of the daemon's.
    pub limits: Vec<Limit>,
    /// The control group it begins in, if it is another than the daemon's.
    pub cgroup: Option<Arc<Cgroup>>,
}

/// A child ready to be started, any number of times.
#[derive(Debug)]
pub struct ChildPlan {
    /// The file, the directory if there is one, the arguments, the environment.
    pub(super) texts: Vec<CString>,
    pub(super) has_directory: bool,
    /// How many of the texts are arguments.
    pub(super) arguments: usize,
    pub(super) umask: Option<u32>,
    pub(super) user: UserChange,
    pub(super) limits: Vec<Limit>,
    pub(super) cgroup: Option<Arc<Cgroup>>,
    pub(super) words: Words,
}

/// What is to be done about the user.
#[derive(Debug)]
pub(super) enum UserChange {
    /// Nothing: the daemon is that user already, or there is no `user=`.
    None,
    /// The daemon is not root and cannot: the child says so.
    Forbidden,
    /// To be done.
    To { uid: u32, gid: u32, groups: Vec<u32> },
}

/// The beginnings of what a child says when it fails; the errno name is appended.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) setuid: Vec<u8>,
    pub(super) chdir: Vec<u8>,
    pub(super) exec: Vec<u8>,
}

impl ChildPlan {
    /// Finish a plan.
    ///
    /// # Errors
    /// EINVAL: a text holds a zero byte, which no system call can take.
    pub fn new(spec: ChildSpec) -> io::Result<Self> {
        let shown = spec.argv.first().map_or_else(|| spec.program.clone().into_os_string(), Clone::clone);
        let uid = spec.user.as_ref().map_or(0, |user| user.uid);
        let directory = spec.directory.as_deref().unwrap_or_default();
        let words = Words {
            setuid: format!("supervisor: couldn't setuid to {uid}: ").into_bytes(),
            chdir: sentence(b"supervisor: couldn't chdir to ", directory),
            exec: sentence(b"supervisor: couldn't exec ", &shown),
        };
        let (has_directory, arguments) = (spec.directory.is_some(), spec.argv.len());
        let first = [spec.program.into_os_string()].into_iter().chain(spec.directory);
        let mut texts = first.chain(spec.argv).map(c_string).collect::<io::Result<Vec<_>>>()?;
        texts.append(&mut environment(spec.environment)?);
        Ok(Self {
            texts,
            has_directory,
            arguments,
            words,
            umask: spec.umask,
            user: user_change(spec.user),
            limits: spec.limits,
            cgroup: spec.cgroup,
        })
    }

    /// The folder of the control group that the child begins in.
    #[must_use]
    pub fn cgroup(&self) -> Option<&Path> {
        self.cgroup.as_deref().map(Cgroup::path)
    }
}

fn user_change(user: Option<Credentials>) -> UserChange {
    let now = geteuid();
    match user {
        None => UserChange::None,
        Some(user) if user.uid == now.as_raw() => UserChange::None,
        Some(_) if !now.is_root() => UserChange::Forbidden,
        Some(user) => {
            // The primary group stands first, as in the reference.
            let mut groups = user.groups;
            groups.retain(|&group| group != user.gid);
            groups.insert(0, user.gid);
            UserChange::To { uid: user.uid, gid: user.gid, groups }
        }
    }
}

fn sentence(words: &[u8], about: &OsStr) -> Vec<u8> {
    [words, about.as_bytes(), b": "].concat()
}

fn environment(pairs: Vec<(OsString, OsString)>) -> io::Result<Vec<CString>> {
    let mut places = std::collections::HashMap::new();
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let text = c_string([name.as_bytes(), b"=", value.as_bytes()].concat())?;
        match places.entry(name) {
            std::collections::hash_map::Entry::Occupied(place) => {
                if let Some(old) = texts.get_mut(*place.get()) {
                    *old = text;
                }
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(texts.len());
                texts.push(text);
            }
        }
    }
    Ok(texts)
}

fn c_string(text: impl IntoBytes) -> io::Result<CString> {
    CString::new(text.into_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

trait IntoBytes {
    fn into_bytes(self) -> Vec<u8>;
}

impl IntoBytes for OsString {
    fn into_bytes(self) -> Vec<u8> {
        self.into_vec()
    }
}

impl IntoBytes for Vec<u8> {
    fn into_bytes(self) -> Vec<u8> {
        self
    }
}
