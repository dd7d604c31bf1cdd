//! Programs whose end is the daemon's, programs that are tried again slowly, and stops that no descendant escapes.

use crate::harness::{Daemon, folder, kill, lives, refused, said, supervisord, wait, write_config};

/// A program whose child leaves its session, and whose grandchild has lost its parents too; their numbers are in files.
const FAMILY: &str = "[program:family]\nkillmode=<MODE>\nstopwaitsecs=1\nstartsecs=0\nautorestart=false\n\
    command=/bin/sh -c 'setsid sh -c \"(sleep 1000 & echo \\$! > <DIR>/orphan)\"; setsid sleep 1001 & echo $! > <DIR>/away; \
    sh -c \"trap : TERM; echo up > <DIR>/up; while :; do sleep 0.1; done\" & echo $! > <DIR>/deaf; <LAST>'\n";

fn family(mode: &str, last: &str) -> (Daemon, Vec<u32>) {
    let daemon = Daemon::start(&FAMILY.replace("<MODE>", mode).replace("<LAST>", last));
    let number = |name: &str| daemon.read(name).trim().parse().ok();
    wait("the family is there", || {
        number("orphan").is_some() && number("deaf").is_some() && !daemon.read("up").is_empty()
    });
    let pids = ["orphan", "away", "deaf"].map(|name| number(name).unwrap()).to_vec();
    (daemon, pids)
}

#[test]
fn no_descendant_escapes_a_stop_of_the_tree() {
    let (daemon, pids) = family("tree", "exec sleep 1002");
    assert_eq!(daemon.ctl_out("stop family"), "family: stopped\n");
    assert_eq!(pids.into_iter().filter(|&pid| lives(pid)).collect::<Vec<_>>(), [], "stopped means gone");
    assert_eq!(daemon.log_lines("killing 'family'").len(), 1, "the deaf one had its time");
    assert_eq!(daemon.log_lines("left").len(), 1, "those that outlived the program are told of");
}

#[test]
fn what_a_program_leaves_behind_at_its_own_end_is_killed_with_the_tree() {
    let (daemon, pids) = family("tree", "exec sleep 1002");
    kill(daemon.pid_of("family"), "KILL");
    daemon.wait_state("family", "EXITED");
    assert_eq!(pids.into_iter().filter(|&pid| lives(pid)).collect::<Vec<_>>(), []);
}

/// The control group of a program, if it has one of its own here.
fn group_of(daemon: &Daemon, name: &str) -> Option<std::path::PathBuf> {
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", daemon.pid_of(name))).unwrap();
    let last = groups.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
    let name = std::path::Path::new(&last).file_name()?.to_owned();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let mounts = mounts.lines().filter(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let mut found =
        mounts.map(|line| std::path::Path::new(line.split(' ').nth(1).unwrap()).join(last.trim_start_matches('/')));
    let ours = name.to_string_lossy().starts_with("supervisor-");
    let found = if ours { found.find(|folder| folder.exists()) } else { None };
    if found.is_none() {
        assert_eq!(daemon.log_lines("no control group for 'family'").len(), 1, "it is said why");
        eprintln!("skipped: {:?}", daemon.log_lines("no control group"));
    }
    found
}

#[test]
fn nothing_escapes_a_stop_of_the_control_group() {
    // The program's own child has left it: another session, no parents, and a fresh environment.
    let (daemon, pids) = family("cgroup", "setsid env -i /bin/sleep 1003 & exec sleep 1002");
    let Some(group) = group_of(&daemon, "family") else { return };
    let members = || std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    wait("all are in it", || members().lines().count() >= 5);
    let all: Vec<u32> = members().lines().map(|line| line.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| all.contains(pid)));
    assert_eq!(daemon.ctl_out("stop family"), "family: stopped\n");
    assert_eq!(all.into_iter().filter(|&pid| lives(pid)).collect::<Vec<_>>(), [], "stopped means gone");
    assert!(!group.exists(), "the group is removed");
    assert_eq!(daemon.log_lines("killing 'family'").len(), 1, "the deaf one had its time");
    assert_eq!(daemon.ctl_out("start family"), "family: started\n");
    assert!(group_of(&daemon, "family").is_some());
}

#[test]
fn what_a_program_leaves_behind_in_its_control_group_is_killed() {
    let (daemon, pids) = family("cgroup", "setsid env -i /bin/sleep 1003 & exec sleep 1002");
    let Some(group) = group_of(&daemon, "family") else { return };
    kill(daemon.pid_of("family"), "KILL");
    daemon.wait_state("family", "EXITED");
    assert_eq!(pids.into_iter().filter(|&pid| lives(pid)).collect::<Vec<_>>(), []);
    assert!(!group.exists());
}

#[test]
fn a_program_whose_control_group_cannot_be_had_is_treated_as_a_tree() {
    let folder = folder();
    write_config(folder.path(), &FAMILY.replace("<MODE>", "cgroup").replace("<LAST>", "exec sleep 1002"));
    let path = folder.path().to_str().unwrap().to_owned();
    write_config(
        folder.path(),
        &FAMILY.replace("<MODE>", "cgroup").replace("<LAST>", "exec sleep 1002").replace("<DIR>", &path),
    );
    // A mount namespace in which nothing shows the groups.
    let mut command = std::process::Command::new("unshare");
    let hide = "umount -l -a -t cgroup2 && exec \"$@\"";
    command.args(["--mount", "sh", "-c", hide, "sh"]);
    if !std::process::Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: a mount namespace cannot be had here");
        return;
    }
    let inner = supervisord(folder.path());
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(folder.path());
    let daemon = Daemon::start_by(command, folder);
    wait("the family is there", || !daemon.read("up").is_empty() && !daemon.read("orphan").is_empty());
    assert_eq!(
        daemon.log_lines("WARN no control group for 'family', killmode=tree is used: no cgroup2 file system").len(),
        1
    );
    let orphan: u32 = daemon.read("orphan").trim().parse().unwrap();
    assert_eq!(daemon.ctl_out("stop family"), "family: stopped\n");
    assert!(!lives(orphan));
}

#[test]
fn a_stop_of_the_group_spares_those_that_left_it_and_the_default_all_others() {
    for (mode, deaf_dies) in [("group", true), ("process", false)] {
        // The group's deaf member gets SIGKILL only if the program itself is deaf too.
        let (daemon, pids) = family(mode, "trap : TERM; while :; do sleep 0.1; done");
        daemon.ctl("stop family");
        assert!(lives(pids[1]), "{mode}");
        wait("the group's end", || lives(pids[2]) != deaf_dies);
        for pid in pids {
            kill(pid, "KILL");
        }
    }
}

fn ends_with(program: &str) -> i32 {
    let folder = folder();
    write_config(folder.path(), &format!("[program:other]\ncommand=/bin/sleep 1000\n[program:main]\n{program}"));
    let said = said(supervisord(folder.path()));
    let log = std::fs::read_to_string(folder.path().join("supervisord.log")).unwrap_or_default();
    assert!(log.contains("stopped: other"), "in order: {log}");
    assert!(!folder.path().join("supervisord.pid").exists() && !folder.path().join("s.sock").exists());
    said.status
}

#[test]
fn the_daemon_ends_with_the_status_of_an_essential_program() {
    assert_eq!(ends_with("command=/bin/sh -c 'exit 7'\nessential=true\nstartsecs=0\nautorestart=false\n"), 7);
    assert_eq!(ends_with("command=/bin/sh -c 'exit 0'\nessential=true\nstartsecs=0\n"), 0);
    assert_eq!(ends_with("command=/bin/sh -c 'kill -9 $$'\non_exit=shutdown\nstartsecs=0\nautorestart=false\n"), 137);
    assert_eq!(ends_with("command=/bin/sh -c 'exit 5'\non_fatal=shutdown\nstartretries=0\n"), 5);
    assert_eq!(ends_with("command=/bin/true\nessential=true\nstartretries=0\n"), 1, "FATAL is no success");
    assert_eq!(ends_with("command=/nonexistent/it\nessential=true\nstartretries=0\n"), 1);
}

#[test]
fn an_essential_program_that_a_client_stops_ends_nothing() {
    let mut daemon = Daemon::start("[program:main]\ncommand=/bin/sleep 1000\nessential=true\n");
    daemon.wait_state("main", "RUNNING");
    assert_eq!(daemon.ctl_out("stop main"), "main: stopped\n");
    assert_eq!(daemon.state("main"), "STOPPED");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end(), 0);
}

#[test]
fn wrong_words_are_told_with_their_line() {
    for (line, right) in [
        ("on_exit=explode", "ignore, restart or shutdown"),
        ("on_fatal=explode", "ignore, restart or shutdown"),
        ("killmode=explode", "process, group, tree or cgroup"),
        ("essential=explode", "true, yes, on, 1"),
    ] {
        let folder = folder();
        write_config(folder.path(), &format!("[program:x]\ncommand=/bin/cat\n{line}\n"));
        let said = refused(folder.path());
        assert_eq!(said.status, 2);
        assert!(said.err.contains("supervisord.conf:14") && said.err.contains(right), "{}", said.err);
    }
}
