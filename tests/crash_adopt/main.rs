//! A daemon that dies leaves programs that do not notice: the next one goes on with them.
//!
//! Real daemons, a real kill -9. Deliberately absent: the reboot of the machine, after which nothing is adopted.

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

mod in_hand;
#[path = "../survivors/mod.rs"]
mod survivors;
mod unrecorded;

use std::process::Command;

use survivors::{House, until};

/// Counts in its log, line by line, whether there is a daemon or not.
const COUNTER: &str = "[program:counter]\ncommand=/bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'\n\
                       startsecs=0\nredirect_stderr=true\nstdout_logfile=%(here)s/counter.log\n";

fn counted(house: &House) -> Vec<u64> {
    house.read("counter.log").lines().filter_map(|line| line.parse().ok()).collect()
}

/// Each number once, in order.
fn assert_whole(numbers: &[u64]) {
    for (number, expected) in numbers.iter().zip(1..) {
        assert_eq!(*number, expected, "a number is missing or there twice");
    }
}

#[test]
fn a_program_goes_on_under_the_next_daemon_and_no_byte_is_lost() {
    let mut house = House::new(COUNTER);
    house.start();
    assert!(until(|| counted(&house).len() > 20));
    let pid = house.pid_of("counter");
    house.kill();
    let before = counted(&house).len();
    // It writes while nobody reads.
    let io = format!("/proc/{pid}/io");
    let written = || {
        let text = std::fs::read_to_string(&io).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("wchar: ")).and_then(|count| count.parse::<u64>().ok())
    };
    let then = written().unwrap();
    assert!(until(|| written() > Some(then + 50)));
    assert_eq!(counted(&house).len(), before, "nobody reads");
    house.start();
    assert_eq!(house.pid_of("counter"), pid);
    assert!(house.ctl(&["status"]).contains("RUNNING"));
    assert!(until(|| counted(&house).len() > before + 50));
    assert_whole(&counted(&house));
    assert!(house.read("main.log").contains(&format!("adopted: 'counter' with pid {pid}")));
}

#[test]
fn an_adopted_program_is_stopped_and_restarted_as_ever() {
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=%(here)s/cat.log\n");
    house.start();
    let pid = house.pid_of("cat");
    house.kill();
    house.start();
    assert_eq!(house.pid_of("cat"), pid);
    house.ctl(&["signal", "CONT", "cat"]);
    assert!(house.ctl(&["restart", "cat"]).contains("cat: started"));
    assert_ne!(house.pid_of("cat"), pid);
    assert!(until(|| !House::lives(&pid)));
    assert!(house.read("main.log").contains("stopped: cat (terminated by SIGTERM)"));
}

#[test]
fn the_end_of_an_adopted_program_is_seen_at_once_with_its_status() {
    let mut house = House::new(
        "[program:waits]\ncommand=/bin/sh -c 'read line; exit 7'\nstartsecs=0\nautorestart=false\n\
         stdout_logfile=NONE\n[program:other]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    house.start();
    house.pid_of("waits");
    house.kill();
    house.start();
    // Its stdin is open again as well.
    house.call("supervisor.sendProcessStdin", &["waits", "go\n"]);
    assert!(until(|| house.ctl(&["status", "waits"]).contains("EXITED")));
    let log = house.read("main.log");
    let known = log.contains("exited: waits (exit status 7; not expected)");
    // Kernels before 6.15 do not tell.
    assert!(known || log.contains("exited: waits (exit status unknown; not expected)"), "{log}");
}

#[test]
fn what_an_operator_stopped_stays_stopped_and_what_died_meanwhile_is_started_again() {
    let mut house = House::new(
        "[program:stays]\ncommand=/bin/cat\nstartsecs=0\n[program:rests]\ncommand=/bin/cat\nstartsecs=0\n\
         [program:dies]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    house.start();
    let (stays, dies) = (house.pid_of("stays"), house.pid_of("dies"));
    house.ctl(&["stop", "rests"]);
    assert!(until(|| house.read("pid.state").contains("Stopped")));
    house.kill();
    House::signal(&dies, "KILL");
    assert!(until(|| !House::lives(&dies)));
    house.start();
    assert_eq!(house.pid_of("stays"), stays);
    assert!(house.ctl(&["status", "rests"]).contains("STOPPED"));
    assert!(until(|| house.ctl(&["status", "dies"]).contains("RUNNING")));
}

#[test]
fn auto_logs_of_adopted_programs_are_kept_and_written_on() {
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    house.start();
    house.pid_of("cat");
    house.call("supervisor.sendProcessStdin", &["cat", "first\n"]);
    assert!(until(|| house.ctl(&["tail", "cat"]).contains("first")));
    house.kill();
    house.start();
    house.call("supervisor.sendProcessStdin", &["cat", "second\n"]);
    assert!(until(|| house.ctl(&["tail", "cat"]).contains("first\nsecond")));
}

#[test]
fn an_event_listener_starts_anew_and_its_old_process_is_gone() {
    let listener = "[eventlistener:ear]\nevents=PROCESS_STATE\nstartsecs=0\n\
                    command=/bin/sh -c 'while :; do echo READY; read line; printf \"RESULT 2\\nOK\"; done'\n\
                    [program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    let mut house = House::new(listener);
    house.start();
    let (ear, cat) = (house.pid_of("ear"), house.pid_of("cat"));
    house.kill();
    house.start();
    assert_eq!(house.pid_of("cat"), cat);
    assert_ne!(house.pid_of("ear"), ear);
    assert!(!House::lives(&ear));
}

#[test]
fn an_event_listener_that_was_told_to_stop_is_not_started_anew() {
    let listener = "[eventlistener:ear]\nevents=TICK_3600\nstartsecs=0\nstopwaitsecs=300\n\
                    command=/bin/sh -c 'trap \"\" TERM; while :; do read line; done'\n\
                    [program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    let mut house = House::new(listener);
    house.start();
    let (ear, cat) = (house.pid_of("ear"), house.pid_of("cat"));
    let config = house.path("supervisord.conf");
    let mut stop = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
    let mut stop = stop.arg("-c").arg(config).args(["stop", "ear"]).spawn().unwrap();
    assert!(until(|| house.read("pid.state").contains("Stopping")), "{}", house.read("main.log"));
    house.kill();
    stop.wait().unwrap();
    house.start();
    assert_eq!(house.pid_of("cat"), cat);
    assert!(house.ctl(&["status", "ear"]).contains("STOPPED"), "{}", house.ctl(&["status"]));
    assert!(!House::lives(&ear));
}

#[test]
fn a_group_that_is_no_longer_configured_goes_on_until_update() {
    let cat = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    let mut house = House::new(&format!("{cat}[program:gone]\ncommand=/bin/cat\nstartsecs=0\n"));
    house.start();
    let pid = house.pid_of("gone");
    house.kill();
    house.configure(cat);
    house.start();
    assert_eq!(house.pid_of("gone"), pid);
    assert!(house.read("main.log").contains("group 'gone' is not configured any more"));
    assert!(house.ctl(&["update"]).contains("gone: removed process group"));
    assert!(until(|| !House::lives(&pid)));
}

#[test]
fn orphans_kill_ends_them_first_and_ignore_leaves_them() {
    for (word, left) in [("kill", false), ("ignore", true)] {
        let mut house = House::new(&format!("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n;[x]\n;{word}\n"));
        house.start();
        let pid = house.pid_of("cat");
        house.kill();
        house.orphans(word);
        house.start();
        assert_ne!(house.pid_of("cat"), pid);
        assert_eq!(House::lives(&pid), left, "{word}");
        if left {
            House::signal(&pid, "KILL");
        }
    }
}

#[test]
fn an_orderly_end_leaves_no_state_and_a_forged_one_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    house.start();
    let pid = house.pid_of("cat");
    let state = house.path("pid.state");
    assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    house.kill();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o666)).unwrap();
    house.start();
    assert_ne!(house.pid_of("cat"), pid);
    assert!(house.read("main.log").contains("is not used: somebody else can write it"));
    House::signal(&pid, "KILL");
    house.end();
    assert!(!state.exists());
}

#[test]
fn no_descendant_of_an_adopted_program_escapes_its_stop() {
    for mode in ["tree", "cgroup"] {
        let mut house = House::new(&format!(
            "[program:family]\nkillmode={mode}\nstartsecs=0\nstopwaitsecs=1\nautorestart=false\n\
             command=/bin/sh -c 'setsid sh -c \"(sleep 1000 & echo \\$! > %(here)s/orphan)\"; \
             setsid sleep 1001 & echo $! > %(here)s/away; exec sleep 1002'\n"
        ));
        house.start();
        let pid = house.pid_of("family");
        let number = |name: &str| house.read(name).trim().to_owned();
        assert!(until(|| !number("orphan").is_empty() && !number("away").is_empty()));
        let pids = ["orphan", "away"].map(number);
        house.kill();
        house.start();
        assert_eq!(house.pid_of("family"), pid);
        assert_eq!(house.ctl(&["stop", "family"]), "family: stopped\n");
        assert!(pids.iter().all(|pid| !House::lives(pid)), "{mode}: stopped means gone");
    }
}

#[test]
fn a_fastcgi_socket_is_served_on() {
    let mut house = House::new(
        "[fcgi-program:web]\ncommand=/bin/sleep 600\nsocket=unix://%(here)s/web.sock\nstartsecs=0\n\
         process_name=%(program_name)s_%(process_num)d\nnumprocs=2\n",
    );
    house.start();
    let pid = house.pid_of("web:web_0");
    house.kill();
    house.start();
    assert_eq!(house.pid_of("web:web_0"), pid);
    let inode = |pid: &str| std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    if house.read("main.log").contains("may not be taken over") {
        // ptrace(2) is restricted here, and the test does not run as root.
        return;
    }
    let before = inode(&pid);
    house.ctl(&["restart", "web:web_1"]);
    assert_eq!(inode(&house.pid_of("web:web_1")), before);
}

#[test]
fn a_child_that_was_not_noted_is_found_and_none_is_started_beside_it() {
    let mut house = House::new(
        "[program:a]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=%(here)s/a.log\n[program:b]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    house.start();
    let (a, b) = (house.pid_of("a"), house.pid_of("b"));
    house.kill();
    // As if the daemon had died between the fork and the note.
    let state = house.read("pid.state");
    let line = state.lines().rfind(|line| line.contains(&format!("\"pid\":{a}"))).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["Record"]["kept"] = serde_json::Value::Null;
    record["Record"]["change"]["Process"]["state"] = serde_json::json!({"Spawning": {"then": []}});
    std::fs::write(house.path("pid.state"), format!("{state}{record}\n")).unwrap();
    house.start();
    assert_eq!((house.pid_of("a"), house.pid_of("b")), (a, b));
    house.call("supervisor.sendProcessStdin", &["a", "heard\n"]);
    assert!(until(|| house.read("a.log").contains("heard")));
}

#[test]
fn a_state_file_that_cannot_be_written_is_told_once_and_the_daemon_goes_on() {
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    // A folder where the new file would be, with something in it, cannot be removed.
    std::fs::create_dir_all(house.path("pid.state.new/x")).unwrap();
    house.orphans("ignore");
    house.start();
    let told = || house.read("main.log").matches("cannot write the state file").count();
    assert!(until(|| told() == 1));
    assert!(house.ctl(&["restart", "cat"]).contains("cat: started"));
    std::fs::remove_dir_all(house.path("pid.state.new")).unwrap();
    house.ctl(&["restart", "cat"]);
    assert!(until(|| house.read("main.log").contains("is written again")));
    assert_eq!(told(), 1);
    assert!(house.read("pid.state").contains("Header"));
}

#[test]
fn a_daemon_that_is_killed_again_and_again_keeps_every_program_and_every_line() {
    let mut house = House::new(&format!(
        "{COUNTER}[program:cat]\ncommand=/bin/cat\nstartsecs=0\nnumprocs=10\nprocess_name=%(process_num)d\n"
    ));
    house.start();
    let pids = |house: &House| {
        let names = (0..10).map(|number| format!("cat:{number}")).chain(["counter".to_owned()]);
        names.map(|name| house.pid_of(&name)).collect::<Vec<_>>()
    };
    let before = pids(&house);
    for round in 0..10 {
        house.kill();
        house.start();
        assert_eq!(pids(&house), before, "round {round}");
    }
    assert_whole(&counted(&house));
}
