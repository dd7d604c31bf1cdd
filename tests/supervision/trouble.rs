//! When the machine says no: no descriptors, no processes, a disk that is full or read-only.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{self, Daemon, wait};

/// Starts a daemon below a limit of the shell.
fn limited(limit: &str, config: &str) -> Daemon {
    let folder = harness::folder();
    harness::write_config(folder.path(), config);
    let inner = harness::supervisord(folder.path());
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", &format!("{limit}; exec \"$@\""), "sh"]).arg(inner.get_program()).args(inner.get_args());
    let out = fs::File::create(folder.path().join("daemon.out")).unwrap();
    command.current_dir(folder.path()).stdout(out.try_clone().unwrap()).stderr(out);
    Daemon::start_by(command, folder)
}

#[test]
fn without_descriptors_a_start_fails_in_plain_words_and_is_tried_again() {
    let daemon = limited(
        "ulimit -n 60",
        "[supervisord]\nminfds=60\n[program:x]\ncommand=/bin/cat\nnumprocs=40\nprocess_name=%(process_num)d\n\
         startretries=1\n",
    );
    daemon.wait_log("INFO spawnerr: too many open files to spawn '");
    wait("some run", || daemon.ctl_out("status").contains("RUNNING"));
    wait("some are given up", || daemon.ctl_out("status").contains("FATAL"));
    assert!(
        !daemon.log_lines("INFO spawnerr: too many open files to spawn 'x:").is_empty() || {
            !daemon.log_lines("INFO spawnerr: too many open files to spawn '").is_empty()
        }
    );
    // Once there is room again, they can be started.
    let status = daemon.ctl_out("status");
    let line = status.lines().find(|line| line.contains("FATAL")).unwrap();
    let name = line.split_whitespace().next().unwrap().to_owned();
    daemon.ctl("stop all");
    assert_eq!(daemon.ctl_out(&format!("start {name}")), format!("{name}: started\n"));
}

#[test]
fn children_have_the_limit_of_minfds_and_not_the_daemons() {
    let daemon = limited(
        "ulimit -S -n 200; ulimit -H -n 500",
        "[supervisord]\nminfds=300\n[program:x]\ncommand=/bin/sh -c \"ulimit -S -n; ulimit -H -n; exec cat\"\n\
         stdout_logfile=<DIR>/x.log\n",
    );
    wait("it tells", || daemon.read("x.log") == "300\n500\n");
    assert_eq!(daemon.log_lines("RLIMIT"), ["INFO Increased RLIMIT_NOFILE limit to 300"]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let files: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max open files")).unwrap().split_whitespace().collect();
    assert_eq!(files[3..5], ["500", "500"]);
}

#[test]
fn too_few_descriptors_for_minfds_end_the_start() {
    let folder = harness::folder();
    harness::write_config(folder.path(), "[supervisord]\nminfds=2147483000\n");
    let said = harness::refused(folder.path());
    assert_eq!(said.status, 2);
    assert!(said.err.contains("minfds") && said.err.contains("2147483000"), "{said:?}");
}

#[test]
fn a_disk_that_is_full_loses_log_lines_and_nothing_else() {
    let daemon = Daemon::start(
        "[program:x]\ncommand=/bin/sh -c \"while read line; do echo $line; done\"\nstdout_logfile=/dev/full\n\
         stdout_logfile_maxbytes=0\n[program:cat]\ncommand=/bin/cat\n",
    );
    daemon.wait_state("x", "RUNNING");
    for _ in 0..5 {
        daemon.rpc_with(
            "supervisor.sendProcessStdin",
            "<param><value>x</value></param><param><value>word\n</value></param>",
        );
    }
    daemon.wait_log("/dev/full");
    assert_eq!(daemon.ctl_out("restart cat"), "cat: stopped\ncat: started\n");
    assert_eq!(daemon.state("x"), "RUNNING");
}

#[test]
fn where_auto_logs_cannot_be_made_programs_that_need_them_say_so() {
    let daemon = Daemon::start(
        "[supervisord]\nchildlogdir=/proc\n[program:x]\ncommand=/bin/cat\nstartretries=0\n\
         [program:y]\ncommand=/bin/cat\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
    );
    daemon.wait_state("x", "FATAL");
    daemon.wait_state("y", "RUNNING");
    assert_eq!(daemon.log_lines("spawnerr"), ["INFO spawnerr: unknown error making dispatchers for 'x': ENOENT"]);
}

#[test]
fn a_name_service_that_does_not_answer_delays_only_the_program_whose_socket_waits_for_it() {
    let folder = harness::folder();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    // It is asked by the program `getent`, found in PATH.
    fs::write(
        folder.path().join("getent"),
        "#!/bin/sh\n[ \"$2\" = slow.example ] || exec /usr/bin/getent \"$@\"\necho $$ >> asked\nwhile [ ! -e go ]; do sleep 0.02; done\n\
         echo 127.0.0.1 STREAM\n",
    )
    .unwrap();
    fs::set_permissions(folder.path().join("getent"), fs::Permissions::from_mode(0o755)).unwrap();
    harness::write_config(
        folder.path(),
        &"[fcgi-program:web]\ncommand=/bin/sleep 1000\nsocket=tcp://slow.example:PORT\nstartsecs=0\nstartretries=9\n\
         process_name=%(process_num)d\nnumprocs=2\n\
         [program:x]\ncommand=/bin/sleep 1000\nstartsecs=0\n"
            .replace("PORT", &port),
    );
    let mut command = harness::supervisord(folder.path());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path);
    let daemon = Daemon::start_by(command, folder);
    // Control answers, and starts and stops others, while one and the same question is open (it has three seconds).
    let open =
        || daemon.read("asked").lines().last().and_then(|pid| pid.parse().ok()).filter(|&pid| harness::lives(pid));
    wait("it goes on while somebody asks", || {
        let asks = open();
        daemon.ctl_out("restart x") == "x: stopped\nx: started\n" && asks.is_some_and(harness::lives)
    });
    assert!(["STARTING", "BACKOFF"].contains(&daemon.state("web:0").as_str()), "{}", daemon.ctl_out("status"));
    fs::write(daemon.path("go"), "").unwrap();
    daemon.wait_state("web:0", "RUNNING");
    daemon.wait_state("web:1", "RUNNING");
    assert_eq!(daemon.log_lines(&format!("Creating socket tcp://slow.example:{port}")).len(), 1);
    // While it is open nobody is asked.
    fs::remove_file(daemon.path("go")).unwrap();
    let asked = daemon.read("asked");
    assert_eq!(daemon.ctl_out("restart web:0"), "web:0: stopped\nweb:0: started\n");
    assert_eq!(daemon.read("asked"), asked);
}
