//! What programs get of the daemon: three descriptors, and nothing else.

use std::fs;

use super::harness::{Daemon, wait};
use super::wire::{exchange, free_port, get, tcp};

/// The descriptors of a process, as the kernel lists them.
fn descriptors(pid: u32) -> Vec<u32> {
    let mut found: Vec<u32> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn programs_listeners_and_fastcgi_programs_have_three_descriptors_before_and_after_a_reload() {
    let port = free_port();
    // Each tells on its stderr what it finds itself, too; the listing's own descriptor is the one above 2.
    let lists = "for fd in /proc/$$/fd/*; do test -e $fd && echo fd ${fd##*/} >&2; done; echo listed >&2; exec cat";
    let daemon = Daemon::start(&format!(
        "[inet_http_server]\nport=127.0.0.1:{port}\n\
         [program:plain]\ncommand=/bin/sh -c '{lists}'\nstderr_logfile=<DIR>/plain.err\n\
         [eventlistener:ear]\ncommand=/bin/sh -c '{lists}'\nevents=TICK_3600\nstderr_logfile=<DIR>/ear.err\n\
         [fcgi-program:web]\ncommand=/bin/sleep 1000\nsocket=unix://<DIR>/web.sock\n"
    ));
    // Descriptors of every kind are open in the daemon: clients, a tail, logs, listening sockets.
    let _idle: Vec<_> = (0..20).map(|_| tcp(port)).collect();
    for round in 0..2 {
        for name in ["plain", "ear", "web:web"] {
            daemon.wait_state(name, "RUNNING");
            assert_eq!(descriptors(daemon.pid_of(name)), [0, 1, 2], "{name}, round {round}");
        }
        for file in ["plain.err", "ear.err"] {
            wait("it has listed its descriptors", || daemon.read(file).contains("listed"));
            let said = daemon.read(file);
            let beyond: Vec<_> = said.lines().filter(|line| line.starts_with("fd ")).skip(3).collect();
            assert!(beyond.is_empty(), "{file}: {said}");
        }
        assert!(exchange(tcp(port), &get("/", "")).contains("plain"));
        if round == 0 {
            let before = daemon.pid_of("plain");
            for file in ["plain.err", "ear.err"] {
                fs::write(daemon.path(file), "").unwrap();
            }
            daemon.ctl("reload");
            wait("it has begun anew", || {
                daemon.ctl_out("pid plain").trim().parse::<u32>().is_ok_and(|pid| pid != before && pid != 0)
            });
        }
    }
}
