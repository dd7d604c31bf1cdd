//! What waits for a sink that takes nothing goes over upgrades: a full disk, a reader of stdout that stands still.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::allowed;
use crate::harness::{self, Daemon, wait};

/// Writes numbered lines of 50 bytes, as many as it is told, and then lives on.
fn writer(lines: usize, log: &str) -> String {
    format!(
        "[program:count]\nstartsecs=0\nredirect_stderr=true\nstdout_logfile={log}\nstdout_logfile_maxbytes=0\n\
         command=/bin/sh -c 'seq -f %%049.0f 1 {lines}; echo > <DIR>/done; exec sleep 1000'\n"
    )
}

fn upgrade(daemon: &Daemon) {
    let before = daemon.log_lines("upgraded in place from").len();
    daemon.signal("USR1");
    wait("the upgrade", || {
        assert_eq!(daemon.log_lines("upgrade refused"), [] as [String; 0]);
        daemon.log_lines("upgraded in place from").len() > before
    });
}

fn numbers(text: &str) -> Vec<usize> {
    text.lines().filter(|line| line.len() == 49).filter_map(|line| line.parse().ok()).collect()
}

/// How many bytes a process has written.
fn written_by(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

/// Each line once, in order.
fn assert_whole(text: &str, lines: usize) {
    let found = numbers(text);
    let wrong = (1..=lines).zip(&found).find(|(right, found)| right != *found);
    assert_eq!((wrong, found.len()), (None, lines), "the first that is wrong, and how many there are");
}

#[test]
fn what_waits_for_room_on_a_disk_is_written_after_upgrades() {
    if !allowed("a small disk", &["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k x /mnt"]) {
        return;
    }
    const LINES: usize = 18_000;
    let folder = harness::folder();
    fs::create_dir(folder.path().join("disk")).unwrap();
    harness::write_config(folder.path(), &writer(LINES, "<DIR>/disk/count.log"));
    let inner = harness::supervisord(folder.path());
    let script = "mount -t tmpfs -o size=2048k x disk && head -c 1900000 /dev/zero > disk/ballast && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(folder.path());
    let daemon = Daemon::start_by(command, folder);
    let disk = format!("/proc/{}/root{}", daemon.pid(), daemon.path("disk").display());
    let log = || fs::read_to_string(format!("{disk}/count.log")).unwrap_or_default();
    wait("all is written", || daemon.path("done").exists());
    wait("the disk is full", || !daemon.log_lines("count.log").is_empty());
    let full = log().len();
    assert!(full < LINES * 50 / 2, "most of it waits: {full}");
    for _ in 0..2 {
        upgrade(&daemon);
    }
    assert_eq!(log().len(), full, "there is still no room");
    fs::remove_file(format!("{disk}/ballast")).unwrap();
    wait("all is logged", || log().len() >= LINES * 50);
    assert_whole(&log(), LINES);
}

#[test]
fn what_waits_for_a_reader_of_stdout_is_read_after_upgrades() {
    // Three times what a pipe holds waits in the pipe of the program, in the daemon and in its own stdout.
    const LINES: usize = 60_000;
    let folder = harness::folder();
    harness::write_config(folder.path(), &format!("[supervisord]\nsilent=true\n{}", writer(LINES, "/dev/stdout")));
    let mut command = harness::supervisord(folder.path());
    command.stdout(Stdio::piped());
    let mut daemon = Daemon::start_by(command, folder);
    let pid = daemon.pid_of("count");
    let written = || written_by(daemon.pid());
    // More than what a pipe holds: the rest of it waits.
    wait("the daemon cannot write any more", || written() >= 65_536);
    for _ in 0..2 {
        upgrade(&daemon);
    }
    assert_eq!(daemon.pid_of("count"), pid);
    assert!(!daemon.path("done").exists(), "the program waits");
    let mut text = String::new();
    let mut out = BufReader::new(daemon.take_stdout());
    while numbers(&text).last() != Some(&LINES) {
        // Not at each line.
        for _ in 0..LINES / 4 {
            if text.ends_with(&format!("{LINES}\n")) {
                break;
            }
            assert_ne!(out.read_line(&mut text).unwrap(), 0, "the daemon lives");
        }
    }
    assert_whole(&text, LINES);
}
