//! Seeing whether a command can be run without running it, as the reference does before each start.
//!
//! Deliberately absent: splitting the command (that is `wire::shlex`), and what only execve(2) finds out (a missing
//! interpreter, another machine's code): the child tells that itself.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Where programs are looked for when neither the program's environment nor the daemon's has a PATH.
pub const DEFAULT_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// Why a command cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrunnable {
    /// `can't find command 'x'`.
    NotFound,
    /// `command at 'x' is a directory`.
    Directory,
    /// `command at 'x' is not executable`: no execute bit at all.
    NotExecutable,
    /// `no permission to run command 'x'`.
    NoPermission,
}

impl Unrunnable {
    /// The reference's words about a file whose name is shown as `repr` (in quotes).
    #[must_use]
    pub fn text(self, repr: &str) -> String {
        match self {
            Self::NotFound => format!("can't find command {repr}"),
            Self::Directory => format!("command at {repr} is a directory"),
            Self::NotExecutable => format!("command at {repr} is not executable"),
            Self::NoPermission => format!("no permission to run command {repr}"),
        }
    }
}

/// The file that running `program` would execute.
///
/// A name with a slash is taken as it is; else the first entry of `path` (separated by colons) in which something of that
/// name exists decides, even if it cannot be run.
///
/// # Errors
/// Why it cannot be run, with the file name that the message is about.
pub fn find(program: &str, path: &str) -> Result<PathBuf, (Unrunnable, PathBuf)> {
    if program.contains('/') {
        let file = PathBuf::from(program);
        return check(&file).map(|()| file.clone()).map_err(|why| (why, file));
    }
    for folder in path.split(':') {
        let file = Path::new(folder).join(program);
        match check(&file) {
            Ok(()) => return Ok(file),
            Err(Unrunnable::NotFound) => {}
            Err(why) => return Err((why, file)),
        }
    }
    Err((Unrunnable::NotFound, PathBuf::from(program)))
}

fn check(file: &Path) -> Result<(), Unrunnable> {
    let Ok(found) = std::fs::metadata(file) else { return Err(Unrunnable::NotFound) };
    if found.is_dir() {
        Err(Unrunnable::Directory)
    } else if found.mode() & 0o111 == 0 {
        Err(Unrunnable::NotExecutable)
    } else if access(file, Access::EXEC_OK).is_err() {
        Err(Unrunnable::NoPermission)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_name_is_looked_for_in_the_path_and_the_first_found_decides() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::create_dir_all(two.join("adir")).unwrap();
        std::fs::create_dir(&one).unwrap();
        for (file, mode) in [(one.join("plain"), 0o644), (two.join("plain"), 0o755), (two.join("run"), 0o700)] {
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        }
        let path = format!("/nowhere:{}:{}", one.display(), two.display());
        assert_eq!(find("run", &path), Ok(two.join("run")));
        assert_eq!(find("plain", &path), Err((Unrunnable::NotExecutable, one.join("plain"))));
        assert_eq!(find("adir", &path), Err((Unrunnable::Directory, two.join("adir"))));
        assert_eq!(find("missing", &path), Err((Unrunnable::NotFound, "missing".into())));
        assert_eq!(find("./missing", &path), Err((Unrunnable::NotFound, "./missing".into())));
        assert_eq!(find("/bin/sh", ""), Ok("/bin/sh".into()));
        assert_eq!(Unrunnable::NotFound.text("'x'"), "can't find command 'x'");
    }
}
