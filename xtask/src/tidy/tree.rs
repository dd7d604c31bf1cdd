//! The files of the repository as git knows them: tracked, or new and not ignored.

use anyhow::Result;

use crate::run;

/// One file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path from the top of the repository.
    pub path: String,
    /// Its text; bytes that are no UTF-8 are replaced.
    pub text: String,
}

impl File {
    /// A file that a test makes up.
    #[cfg(test)]
    pub fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every file of the repository, in order of its path.
pub fn tracked() -> Result<Vec<File>> {
    let listed = run::output("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file that git still lists but that is gone from the work tree is on its way out: it has no rules to keep.
    let read = |path: &str| std::fs::read(run::top().join(path)).ok();
    let file =
        |path: &str, bytes: Vec<u8>| File { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() };
    Ok(paths.into_iter().filter_map(|path| read(path).map(|bytes| file(path, bytes))).collect())
}
