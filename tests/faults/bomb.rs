//! A fork bomb inside a program that has a limit of processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::harness::{self, Daemon, children, descriptors, wait};
use crate::{no_zombie, status_is_true};

/// The living processes of a user.
fn processes_of(uid: u32) -> usize {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| found.uid() == uid))
        .filter(|&pid| harness::lives(pid))
        .count()
}

/// Each forks as long as there is a fuse, also after a fork that was refused; only the first outlives SIGTERM.
const BOMB: &str = r#"
$SIG{CHLD} = "IGNORE";
$SIG{TERM} = sub {};
while (-e $ARGV[0]) {
    my $child = fork();
    $SIG{TERM} = "DEFAULT" if defined $child && $child == 0;
    select(undef, undef, undef, 0.01);
}
"#;

#[test]
fn a_stop_ends_all_of_a_fork_bomb_and_the_daemon_answers_meanwhile() {
    let limited = "setpriv --reuid 61234 --clear-groups prlimit --nproc=50:50 /bin/dash -c";
    let check: Vec<&str> = limited.split(' ').chain(["[ $(ulimit -p) = 50 ] && perl -e 1"]).collect();
    if !crate::allowed("a limit of processes for another user", &check) {
        return;
    }
    for (number, mode) in ["group", "tree", "cgroup"].into_iter().enumerate() {
        let uid = 61_000 + std::process::id() % 400 + 1000 * u32::try_from(number).unwrap();
        let folder = harness::folder();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("fuse"), "").unwrap();
        fs::write(folder.path().join("bomb.pl"), BOMB).unwrap();
        harness::write_config(
            folder.path(),
            &format!(
                "[program:bomb]\nkillmode={mode}\nuser={uid}\nautostart=false\nautorestart=false\nstopwaitsecs=1\n\
                 startsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n\
                 command=prlimit --nproc=50:50 /bin/dash -c '[ $(ulimit -p) = 50 ] && exec perl <DIR>/bomb.pl <DIR>/fuse'\n\
                 [program:x]\ncommand=/bin/cat\nstartsecs=0\n"
            ),
        );
        let daemon = Daemon::start_in(folder);
        daemon.wait_state("x", "RUNNING");
        let before = descriptors(daemon.pid());
        daemon.ctl("start bomb");
        wait("the bomb is at its limit", || processes_of(uid) >= 40);
        assert!(processes_of(uid) <= 60, "the limit holds");
        let began = Instant::now();
        assert_eq!(daemon.ctl_out("restart x"), "x: stopped\nx: started\n");
        assert!(began.elapsed() < Duration::from_secs(10), "{mode}: {:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!(daemon.ctl_out("stop bomb"), "bomb: stopped\n", "{mode}");
        println!("{mode}: stopped after {:?}", began.elapsed());
        wait("all of it is gone", || processes_of(uid) == 0);
        wait("only the other program is left", || children(daemon.pid()).len() == 1);
        no_zombie(daemon.pid());
        status_is_true(&daemon);
        wait("no descriptor leaks", || descriptors(daemon.pid()) <= before);
    }
}
