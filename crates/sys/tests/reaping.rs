//! The one reaper of a process: here it may take every child, which among other tests it may not.
//!
//! It has a main of its own, because the test harness' threads would take SIGCHLD before it is blocked in all.

#![allow(clippy::unwrap_used, reason = "a test without the harness")]

use std::os::fd::AsFd;
use std::time::Duration;

use model::{ExitStatus, Signal};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sys::poll::{Interest, Poll};
use sys::signals::Receiver;
use sys::spawn::{ChildPlan, ChildSpec};
use sys::{clock, wait};

fn main() {
    every_child_that_ends_is_told_once_and_sigchld_wakes_the_loop();
}

fn every_child_that_ends_is_told_once_and_sigchld_wakes_the_loop() {
    let signals = Receiver::new(&[Signal::CHLD]).unwrap();
    let (mut poll, mut events) = (Poll::new().unwrap(), Vec::new());
    poll.add(&signals, 1, Interest::Read).unwrap();
    assert_eq!(wait::reap().unwrap(), None);
    let plan = ChildPlan::new(ChildSpec {
        program: "/bin/sh".into(),
        argv: ["sh", "-c", "exit 3"].map(Into::into).into(),
        ..ChildSpec::default()
    })
    .unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    let children: Vec<_> = (0..50).map(|_| plan.spawn([null.as_fd(); 3]).unwrap()).collect();
    let pidfd_of = |child: &u32| {
        let pid = Pid::from_raw(i32::try_from(*child).unwrap()).unwrap();
        pidfd_open(pid, PidfdFlags::empty()).unwrap()
    };
    let pidfds: Vec<_> = children.iter().map(pidfd_of).collect();
    let mut ended = std::collections::BTreeSet::new();
    let deadline = clock::now().after(Duration::from_secs(20));
    while ended.len() < children.len() {
        poll.wait(Some(deadline), &mut events).unwrap();
        assert!(clock::now() < deadline, "only {} of 50 have been told", ended.len());
        let _ = signals.take().unwrap();
        while let Some(end) = wait::reap().unwrap() {
            assert_eq!(end.status, ExitStatus::Exited(3));
            assert!(ended.insert(end.pid), "told twice");
        }
    }
    assert!(children.iter().all(|child| ended.contains(child)));
    // Where the kernel tells, the pidfd knows it too, for a process that somebody else has reaped.
    for pidfd in &pidfds {
        let told = wait::exit_status_of(pidfd);
        assert!([ExitStatus::Exited(3), ExitStatus::Unknown].contains(&told));
    }
}
