//! Real children: what they see, and what they say when they cannot become the program.

use std::collections::BTreeSet;
use std::io::{Read, pipe, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::path::Path;

use model::{ExitStatus, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use super::*;
use crate::limits::{Limit, Resource};
use crate::pipes::{self, PipeOptions};
use crate::{signals, wait};

const EVERY_WAY: [Method; 4] = [Method::Shared, Method::Staged, Method::Clone3, Method::Fork];

fn spec(argv: &[&str]) -> ChildSpec {
    ChildSpec {
        program: argv[0].into(),
        argv: argv.iter().map(Into::into).collect(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        ..ChildSpec::default()
    }
}

fn shell(script: &str) -> ChildSpec {
    spec(&["/bin/sh", "-c", script])
}

/// Run it to its end: stdout and stderr in one text, and how it ended.
fn run_by(method: Method, spec: ChildSpec) -> (String, ExitStatus) {
    let plan = ChildPlan::new(spec).unwrap();
    let (read, write) = pipe().unwrap();
    // As in the daemon: the child finds no heap, and no descriptor but in its message.
    crate::memory::stay_small();
    prepare();
    let null = std::fs::File::open("/dev/null").unwrap();
    let child = plan.spawn_by(method, [null.as_fd(), write.as_fd(), write.as_fd()]).unwrap();
    drop(write);
    let mut text = String::new();
    (&read).read_to_string(&mut text).unwrap();
    (text, ended(child))
}

fn run(spec: ChildSpec) -> (String, ExitStatus) {
    run_by(Method::Shared, spec)
}

fn ended(child: u32) -> ExitStatus {
    let pid = Pid::from_raw(child.try_into().unwrap()).unwrap();
    wait::decode(waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap().1.as_raw())
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_child_sees_descriptors_0_to_2_and_no_other() {
    let _leak = rustix::io::fcntl_dupfd_cloexec(std::fs::File::open("/").unwrap(), 200).unwrap();
    let inherited = std::fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    for method in EVERY_WAY {
        let (text, _) = run_by(method, spec(&["/bin/ls", "/proc/self/fd"]));
        // ls itself has the folder open as 3.
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"], "{method:?}");
    }
}

#[test]
fn a_child_begins_with_no_signal_blocked_or_ignored() {
    signals::ignore_write_signals();
    let _blocked = signals::Receiver::new(&[Signal::TERM, Signal::HUP, Signal::CHLD]).unwrap();
    for method in EVERY_WAY {
        let (text, _) = run_by(method, spec(&["/bin/grep", "Sig[BI]", "/proc/self/status"]));
        for line in text.lines() {
            assert!(line.ends_with("0000000000000000"), "{method:?}: {line}");
        }
        assert_eq!(text.lines().count(), 2);
    }
}

#[test]
fn a_child_leads_a_process_group_in_the_daemons_session() {
    let (text, _) = run(shell("cut -d' ' -f1,5,6 /proc/$$/stat"));
    let ids: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[2], crate::process::row(std::process::id()).unwrap().session);
}

#[test]
fn directory_umask_environment_and_limits_are_the_childs_own() {
    let mut spec = shell("pwd; umask; echo $A $B; ulimit -n; ulimit -u");
    spec.directory = Some("/usr".into());
    spec.umask = Some(0o027);
    spec.environment.extend([("A".into(), "1".into()), ("B".into(), "2".into()), ("A".into(), "3".into())]);
    spec.program = "/bin/bash".into();
    spec.limits = vec![
        Limit { resource: Resource::Files, soft: 77, hard: 99 },
        Limit { resource: Resource::Processes, soft: 555, hard: 555 },
    ];
    assert_eq!(run(spec), ("/usr\n0027\n3 2\n77\n555\n".into(), ExitStatus::Exited(0)));
}

#[test]
fn a_child_becomes_its_user_with_that_users_groups() {
    if !root() {
        return;
    }
    let mut spec = shell("id -u; id -g; id -G; grep NoNewPrivs /proc/self/status; cat /proc/self/stat >/dev/null");
    spec.user = Some(Credentials { uid: 65534, gid: 65533, groups: vec![7, 65533, 8] });
    let (text, status) = run(spec);
    assert!(text.starts_with("65534\n65533\n65533 7 8\n"), "{text}");
    assert_eq!(status, ExitStatus::Exited(0));
}

#[test]
fn a_child_that_changes_its_user_does_so_in_memory_of_its_own() {
    if !root() {
        return;
    }
    let null = std::fs::File::open("/dev/null").unwrap();
    let mut spec = spec(&["/bin/true"]);
    spec.user = Some(Credentials { uid: 65534, gid: 65533, groups: vec![] });
    let child = ChildPlan::new(spec).unwrap().spawn([null.as_fd(); 3]).unwrap();
    assert_eq!(ended(child), ExitStatus::Exited(0));
    // Otherwise the kernel would let nobody look into the daemon any more.
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::Dumpable);
}

#[test]
fn directory_and_umask_of_the_daemon_stay_when_a_child_in_its_memory_has_others() {
    let before = std::env::current_dir().unwrap();
    let mut spec = shell("umask; pwd");
    (spec.directory, spec.umask) = (Some("/usr".into()), Some(0o070));
    assert_eq!(run_by(Method::Shared, spec).0, "0070\n/usr\n");
    assert_eq!(std::env::current_dir().unwrap(), before);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    assert!(!status.contains("Umask:\t0070"), "{status}");
}

#[test]
fn a_desk_is_free_again_when_its_child_has_become_its_program() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let plan = ChildPlan::new(spec(&["/bin/sleep", "60"])).unwrap();
    let child = plan.spawn_by(Method::Shared, [null.as_fd(); 3]).unwrap();
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while desk::all().iter().any(|desk| desk.is_taken_by(child)) {
        assert!(std::time::Instant::now() < limit, "it is not told that the child has other memory");
        std::thread::yield_now();
    }
    signals::send(child, Signal::KILL, false).unwrap();
    assert_eq!(ended(child), ExitStatus::Signaled { signal: Signal::KILL, core: false });
}

#[test]
fn desks_are_kept_while_children_work_there() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let plan = ChildPlan::new(shell("exit 4")).unwrap();
    let children: Vec<_> = (0..300)
        .map(|_| {
            clear_desks();
            plan.spawn_by(Method::Shared, [null.as_fd(); 3]).unwrap()
        })
        .collect();
    assert!(children.into_iter().all(|child| ended(child) == ExitStatus::Exited(4)));
}

#[test]
fn what_fails_in_the_child_is_told_in_the_references_words() {
    let last = "supervisor: child process was not spawned\n";
    for method in EVERY_WAY {
        let failed = |spec| {
            let (text, status) = run_by(method, spec);
            assert_eq!(status, ExitStatus::Exited(127));
            text
        };
        let mut gone = shell("echo never");
        gone.directory = Some("/nowhere/at all".into());
        assert_eq!(failed(gone), format!("supervisor: couldn't chdir to /nowhere/at all: ENOENT\n{last}"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("odd");
        std::fs::write(&file, "\0no program").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut odd = spec(&["odd", "x"]);
        odd.program = file;
        assert_eq!(failed(odd), format!("supervisor: couldn't exec odd: ENOEXEC\n{last}"));
    }
}

#[test]
fn a_daemon_that_is_not_root_cannot_change_the_user() {
    let mut plan = ChildPlan::new(ChildSpec {
        user: Some(Credentials { uid: 33, gid: 33, groups: vec![] }),
        ..shell("echo never")
    })
    .unwrap();
    // What a plan of a daemon that is not root holds.
    plan.user = UserChange::Forbidden;
    let pipe = pipes::output(PipeOptions::default()).unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let child = plan.spawn([null.as_fd(), pipe.theirs.as_fd(), pipe.theirs.as_fd()]).unwrap();
    assert_eq!(ended(child), ExitStatus::Exited(127));
    let mut text = [0; 256];
    let length = rustix::io::read(&pipe.ours, &mut text).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&text[..length]),
        "supervisor: couldn't setuid to 33: Can't drop privilege as nonroot user\n\
         supervisor: child process was not spawned\n"
    );
}

#[test]
fn a_pidfd_tells_the_end_and_takes_signals() {
    let null = std::fs::File::open("/dev/null").unwrap();
    for method in EVERY_WAY {
        let plan = ChildPlan::new(spec(&["/bin/sleep", "60"])).unwrap();
        let child = plan.spawn_by(method, [null.as_fd(); 3]).unwrap();
        let pidfd = &pidfd_open(Pid::from_raw(child.try_into().unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
        signals::send_by(pidfd, Signal::KILL).unwrap();
        poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None).unwrap();
        let killed = ExitStatus::Signaled { signal: Signal::KILL, core: false };
        assert_eq!(ended(child), killed);
        assert!([killed, ExitStatus::Unknown].contains(&wait::exit_status_of(pidfd)));
    }
}

#[test]
fn a_signal_right_after_the_start_reaches_the_whole_group() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let plan = ChildPlan::new(spec(&["/bin/sleep", "60"])).unwrap();
    for _ in 0..20 {
        let child = plan.spawn([null.as_fd(); 3]).unwrap();
        signals::send(child, Signal::TERM, true).unwrap();
        assert_eq!(ended(child), ExitStatus::Signaled { signal: Signal::TERM, core: false });
    }
}

#[test]
fn a_child_gets_its_descriptors_also_when_thousands_are_open_and_none_is_copied() {
    let null = std::fs::File::open("/dev/null").unwrap();
    prepare();
    let many: Vec<_> = (0..200).map(|_| null.try_clone().unwrap()).collect();
    let (read, write) = pipe().unwrap();
    let plan = ChildPlan::new(shell("echo out; echo err >&2; cat")).unwrap();
    let (input, mut ours) = pipe().unwrap();
    io::Write::write_all(&mut ours, b"in\n").unwrap();
    drop(ours);
    let child = plan.spawn_by(Method::Staged, [input.as_fd(), write.as_fd(), write.as_fd()]).unwrap();
    let pid = Pid::from_raw(child.try_into().unwrap());
    assert!(stage::all().iter().any(|stage| stage.child == pid), "it got them by a message");
    drop((write, many));
    let mut text = String::new();
    (&read).read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), ended(child)), ("out\nerr\nin\n", ExitStatus::Exited(0)));
}

#[test]
fn a_child_of_a_daemon_with_many_descriptors_finds_all_numbers_free() {
    let null = std::fs::File::open("/dev/null").unwrap();
    let _many: Vec<_> = (0..500).map(|_| null.try_clone().unwrap()).collect();
    for method in EVERY_WAY {
        let mut spec = shell("for i in {1..100}; do exec {fd}</dev/null; done; echo $fd");
        spec.program = "/bin/bash".into();
        // bash begins with 10.
        assert_eq!(run_by(method, spec).0, "109\n", "{method:?}");
    }
}

#[test]
fn more_children_at_once_than_there_are_stages_are_started_all_the_same() {
    prepare();
    let plan = ChildPlan::new(shell("echo here")).unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let (read, write) = pipe().unwrap();
    let children: Vec<_> =
        (0..100).map(|_| plan.spawn([null.as_fd(), write.as_fd(), write.as_fd()]).unwrap()).collect();
    drop(write);
    let mut text = String::new();
    (&read).read_to_string(&mut text).unwrap();
    assert_eq!(text, "here\n".repeat(100));
    assert!(children.iter().all(|child| ended(*child) == ExitStatus::Exited(0)));
}

#[test]
fn a_thousand_children_leave_no_zombie_and_no_descriptor() {
    let open = || Path::new("/proc/self/fd").read_dir().unwrap().count();
    let null = std::fs::File::open("/dev/null").unwrap();
    let plan = ChildPlan::new(spec(&["/bin/true"])).unwrap();
    let before = open();
    let mut pids = BTreeSet::new();
    for _ in 0..1000 {
        let child = plan.spawn([null.as_fd(); 3]).unwrap();
        assert_eq!(ended(child), ExitStatus::Exited(0));
        pids.insert(child);
    }
    // Other tests run beside this one and open a few; a leak would be a thousand.
    assert!(open() < before + 100);
    assert!(!crate::process::table().iter().any(|row| row.zombie && pids.contains(&row.pid)));
}

#[test]
fn a_text_with_a_zero_byte_is_refused_before_the_fork() {
    assert_eq!(ChildPlan::new(shell("a\0b")).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn standard_descriptors_of_the_daemon_can_be_handed_on() {
    let plan = ChildPlan::new(shell("exit 5")).unwrap();
    let stdio = (stdin(), stdout(), stderr());
    let child = plan.spawn([stdio.2.as_fd(), stdio.0.as_fd(), stdio.1.as_fd()]).unwrap();
    assert_eq!(ended(child), ExitStatus::Exited(5));
}

#[test]
fn releases_of_kernels_are_compared_by_their_numbers() {
    for (release, later) in [
        ("5.16.0", true),
        ("6.1.0-13-amd64", true),
        ("10.0-rc1", true),
        ("5.15.0-91-generic", false),
        ("5.4", false),
        ("4.18.0-553.el8_10.x86_64", false),
        ("", false),
        ("unknown", false),
    ] {
        assert_eq!(is_at_least((5, 16), release), later, "{release}");
    }
}
