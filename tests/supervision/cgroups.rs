//! `killmode=cgroup` for a daemon that is not root: without a control group of its own, with one that it may use in part, and
//! with one that is delegated to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Daemon, folder, kill, lives, supervisord, wait, write_config};

/// A user that nobody knows.
const USER: u32 = 54_321;

/// What a delegation gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delegated {
    Nothing,
    Folder,
    Wholly,
}

/// A control group for one daemon, removed at the end.
struct Place(PathBuf);

impl Place {
    /// `None` where this cannot be had, which is said.
    fn new(what: Delegated) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
        let path = mount.map(|line| Path::new(line.split(' ').nth(1).unwrap()).join(name(what)));
        let Some(path) = path.filter(|path| fs::create_dir(path).is_ok()) else {
            eprintln!("skipped: no control group can be made here");
            return None;
        };
        let place = Self(path);
        let given: &[&str] = match what {
            Delegated::Nothing => &[],
            Delegated::Folder => &["."],
            Delegated::Wholly => &[".", "cgroup.procs"],
        };
        given.iter().for_each(|file| chown(place.0.join(file), Some(USER), None).unwrap());
        Some(place)
    }

    /// A daemon of that user in it, whose program has a child that has left it: another session, and no environment.
    fn daemon(&self) -> (Daemon, u32) {
        let folder = folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        write_config(
            folder.path(),
            "[program:family]\nkillmode=cgroup\nstartsecs=0\nstopwaitsecs=1\nautorestart=false\n\
             command=/bin/sh -c 'setsid env -i /bin/sleep 1003 & echo $! > <DIR>/away; exec sleep 1002'\n\
             [program:other]\nkillmode=cgroup\nstartsecs=0\ncommand=/bin/sleep 1002\n",
        );
        fs::set_permissions(folder.path().join("supervisord.conf"), fs::Permissions::from_mode(0o644)).unwrap();
        let script = "echo $$ > \"$0\" && exec \"$@\"";
        let inner = supervisord(folder.path());
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.0.join("cgroup.procs"));
        command.args(["setpriv", &format!("--reuid={USER}"), "--regid=0", "--clear-groups"]);
        command.arg(inner.get_program()).args(inner.get_args()).current_dir(folder.path());
        let daemon = Daemon::start_by(command, folder);
        wait("the family is there", || daemon.read("away").ends_with('\n'));
        let away = daemon.read("away").trim().parse().unwrap();
        (daemon, away)
    }
}

fn name(what: Delegated) -> String {
    format!("svtest-{}-{what:?}", std::process::id())
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is empty as soon as the kernel has done with those that were in it.
        wait("the group can be removed", || {
            for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(entry.path());
            }
            fs::remove_dir(&self.0).is_ok()
        });
    }
}

#[test]
fn a_daemon_without_a_group_of_its_own_says_so_once_and_stops_the_tree() {
    for what in [Delegated::Nothing, Delegated::Folder] {
        let Some(place) = Place::new(what) else { return };
        let (daemon, away) = place.daemon();
        assert_eq!(daemon.state("family"), "RUNNING", "{what:?}");
        let told = daemon.log_lines("no control group for");
        let [told] = told.as_slice() else { panic!("{told:?}") };
        let path = place.0.display();
        let why = format!(
            "killmode=tree is used: {path}/cgroup.procs: EACCES (it takes a writable cgroup2: root, Delegate=yes"
        );
        assert!(told.contains(&why), "{what:?}: {told}");
        let pid = daemon.pid_of("family");
        // It has lost its environment and its session, but not its parent.
        assert_eq!(daemon.ctl_out("stop family"), "family: stopped\n");
        assert!(!lives(pid) && !lives(away), "{what:?}: stopped means gone");
        assert_eq!(daemon.ctl_out("restart other"), "other: stopped\nother: started\n");
        assert_eq!(daemon.log_lines("no control group for").len(), 1, "once");
        drop(daemon);
    }
}

#[test]
fn a_daemon_to_which_a_group_was_delegated_uses_it() {
    let Some(place) = Place::new(Delegated::Wholly) else { return };
    let (daemon, away) = place.daemon();
    let group = fs::read_to_string(format!("/proc/{away}/cgroup")).unwrap();
    assert!(group.contains(&format!("{}/supervisor-{}-", name(Delegated::Wholly), daemon.pid())), "{group}");
    // Its parent goes first, and nothing leads to it any more but the group.
    kill(daemon.pid_of("family"), "KILL");
    daemon.wait_state("family", "EXITED");
    assert!(!lives(away));
    assert_eq!(daemon.log_lines("no control group").len(), 0);
    drop(daemon);
}
