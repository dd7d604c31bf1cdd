//! Control groups of version 2: a folder of the kernel's for each program, which no descendant leaves by itself.
//!
//! Groups are made below the daemon's own, with no controller switched on, so the rule against processes in inner groups
//! does not bind and the daemon stays where it is. Deliberately absent: limits and controllers, and version 1, whose groups
//! cannot be killed as one.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// What the folders of programs begin with: by it a group of an earlier daemon is known again.
const PREFIX: &str = "supervisor-";
/// Characters of a program's name in that of its folder.
const NAMED: usize = 100;
/// Folders of one group that are looked into at most; a program may make groups of its own below.
const FOLDERS: usize = 4096;

/// A fresh group that a child is to begin in.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    folder: OwnedFd,
    procs: OwnedFd,
}

impl Cgroup {
    /// Makes a group for a program below `base`; one that is left empty there is used again.
    ///
    /// # Errors
    /// What mkdir(2) and open(2) say: EROFS, EACCES or EPERM where the folder is not ours to use.
    pub fn make(base: &Path, group: &str, program: &str, number: u32) -> io::Result<Self> {
        let path = base.join(folder_name(std::process::id(), number, &format!("{group}-{program}")));
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let open = |path: &Path, flags| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty());
        let folder = open(&path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let procs = open(&path.join("cgroup.procs"), OFlags::WRONLY)?;
        Ok(Self { path, folder, procs })
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// For clone3(2).
    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// For a child that enters by itself.
    pub(crate) fn procs(&self) -> BorrowedFd<'_> {
        self.procs.as_fd()
    }
}

fn folder_name(daemon: u32, number: u32, program: &str) -> String {
    let clean = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = program.chars().map(clean).take(NAMED).collect();
    format!("{PREFIX}{daemon}-{number}-{name}")
}

/// The folder of this process' group.
///
/// # Errors
/// Why there is none, in words.
pub fn own() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    place(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
}

/// Sees that processes may be moved from this group to one below it, for which it takes the right to write to the list of
/// both: a folder that is delegated without its files takes new groups, and nobody gets into them.
///
/// # Errors
/// Why not, in words.
pub fn may_be_left(base: &Path) -> Result<(), String> {
    let list = base.join("cgroup.procs");
    let opened = File::options().write(true).open(&list);
    opened.map(drop).map_err(|error| format!("{}: {}", list.display(), crate::errno::of(&error)))
}

/// The folder of a process' group, if that was made by `Cgroup::make`.
#[must_use]
pub fn of_program(pid: u32) -> Option<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = place(&groups, &fs::read_to_string("/proc/self/mountinfo").ok()?).ok()?;
    // The program may have made groups of its own below, and moved there.
    let found = path.ancestors().find(|folder| is_of_program(folder))?;
    // A daemon may be a program of another one: the group that it is in itself is that one's.
    (!own().ok()?.starts_with(found)).then(|| found.to_path_buf())
}

fn is_of_program(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

/// cgroups(7): the line `0::PATH`; mountinfo: fields 4 and 5 are the root within the file system and the mount point.
fn place(groups: &str, mounts: &str) -> Result<PathBuf, String> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::")).ok_or("the kernel has no cgroup2")?;
    for line in mounts.lines() {
        let Some((fields, kind)) = line.split_once(" - ") else { continue };
        if kind.split(' ').next() != Some("cgroup2") {
            continue;
        }
        let mut fields = fields.split(' ').skip(3);
        let (Some(root), Some(point)) = (fields.next(), fields.next()) else { continue };
        if let Ok(below) = Path::new(path).strip_prefix(root) {
            return Ok(Path::new(point).join(below));
        }
    }
    Err("no cgroup2 file system is mounted that shows the daemon's own group".into())
}

/// The group below `base` that a daemon which is gone had made for this program.
#[must_use]
pub fn left_behind(base: &Path, group: &str, program: &str, number: u32) -> Option<PathBuf> {
    let entries = fs::read_dir(base).ok()?.flatten().take(FOLDERS);
    let is_it = |name: &str| {
        let daemon = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        daemon.is_some_and(|daemon| {
            crate::process::row(daemon).is_none() && folder_name(daemon, number, &format!("{group}-{program}")) == name
        })
    };
    entries.into_iter().find(|entry| entry.file_name().to_str().is_some_and(is_it)).map(|entry| entry.path())
}

/// Removes groups that daemons which are gone have left empty.
pub fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten().take(FOLDERS) {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let daemon = rest.split('-').next().and_then(|pid| pid.parse().ok());
        if daemon.is_some_and(|pid: u32| crate::process::row(pid).is_none()) {
            // One that is not empty stays: the kernel sees to it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// A group and those that were made below it, outer ones first.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_path_buf()];
    let mut next = 0;
    while let Some(entries) = found.get(next).filter(|_| next < FOLDERS).map(fs::read_dir) {
        next += 1;
        let below = entries.into_iter().flatten().flatten();
        found.extend(below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    found
}

/// The process ids in a group and in those below it. One that has vanished has none.
///
/// # Errors
/// What read(2) says, except ENOENT and ENODEV.
pub fn members(path: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for folder in folders(path) {
        match fs::read_to_string(folder.join("cgroup.procs")) {
            // 0 stands for a process that this namespace does not see.
            Ok(text) => found.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid: &u32| pid != 0)),
            Err(error) if is_gone(&error) => {}
            // A group of threads cannot be read so; its processes are shown by the one above.
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// True while any process lives in a group or below it.
///
/// # Errors
/// As `members`.
pub fn is_populated(path: &Path) -> io::Result<bool> {
    match fs::read_to_string(path.join("cgroup.events")) {
        Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

/// SIGKILL to all in a group and below it, in one step that no fork escapes (Linux 5.14).
///
/// # Errors
/// ENOENT: the kernel is older, or the group is gone.
pub fn kill(path: &Path) -> io::Result<()> {
    use std::io::Write;
    File::options().write(true).open(path.join("cgroup.kill"))?.write_all(b"1")
}

/// Removes a group in which nothing lives, and those below it.
pub fn remove(path: &Path) {
    for folder in folders(path).iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        36 31 0:33 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n\
        41 31 0:38 /pod /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let found = place("4:memory:/x\n0::/pod/service\n", MOUNTS).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/unified/service"));
        assert_eq!(place("0::/pod\n", MOUNTS).unwrap(), Path::new("/sys/fs/cgroup/unified"));
        assert!(place("0::/elsewhere\n", MOUNTS).unwrap_err().contains("no cgroup2 file system"));
        assert!(place("4:memory:/x\n", MOUNTS).unwrap_err().contains("no cgroup2"));
    }

    #[test]
    fn a_name_becomes_a_folder_whatever_it_holds() {
        assert_eq!(folder_name(7, 3, "a/b c\n../é"), "supervisor-7-3-a_b_c_..__");
        assert!(folder_name(7, 3, &"x".repeat(1000)).len() < 255);
        assert!(is_of_program(Path::new("/x/supervisor-7-3-a")) && !is_of_program(Path::new("/x/system.slice")));
    }

    #[test]
    fn members_of_all_groups_below_are_counted_and_a_vanished_group_has_none() {
        let base = tempfile::tempdir().unwrap();
        let group = base.path().join("supervisor-1-1-x");
        fs::create_dir_all(group.join("own/deep")).unwrap();
        for (folder, text) in [("", "11\n0\n12\n"), ("own", ""), ("own/deep", "13\n")] {
            fs::write(group.join(folder).join("cgroup.procs"), text).unwrap();
        }
        fs::write(group.join("cgroup.events"), "populated 1\nfrozen 0\n").unwrap();
        assert_eq!(members(&group).unwrap(), [11, 12, 13]);
        assert!(is_populated(&group).unwrap());
        fs::write(group.join("cgroup.kill"), "").unwrap();
        kill(&group).unwrap();
        assert_eq!(fs::read(group.join("cgroup.kill")).unwrap(), b"1");
        assert_eq!(may_be_left(&group.join("own")), Ok(()));
        let gone = base.path().join("gone");
        assert_eq!(may_be_left(&gone), Err(format!("{}/cgroup.procs: ENOENT", gone.display())));
        assert_eq!(members(&gone).unwrap(), [] as [u32; 0]);
        assert!(!is_populated(&gone).unwrap());
    }

    #[test]
    fn empty_groups_of_dead_daemons_are_swept_and_others_left() {
        let base = tempfile::tempdir().unwrap();
        let ours = format!("supervisor-{}-1-x", std::process::id());
        for name in ["supervisor-4194305-1-x", "system.slice", &ours] {
            fs::create_dir(base.path().join(name)).unwrap();
        }
        let found = |number| left_behind(base.path(), "x", "y", number);
        fs::create_dir(base.path().join("supervisor-4194305-2-x-y")).unwrap();
        fs::create_dir(base.path().join(format!("supervisor-{}-3-x-y", std::process::id()))).unwrap();
        assert_eq!(found(2), Some(base.path().join("supervisor-4194305-2-x-y")));
        assert_eq!((found(1), found(3)), (None, None));
        sweep(base.path());
        let left = |name: &str| base.path().join(name).exists();
        assert!(!left("supervisor-4194305-1-x") && left("system.slice") && left(&ours));
    }
}
