//! Upgrade in place: another program goes on in the daemon's process, and nobody notices.
//!
//! Real daemons that are replaced by copies of themselves, or by what must be refused. Deliberately absent: older builds
//! (their handovers are fixtures of the daemon's unit tests).

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

mod refusals;
#[path = "../survivors/mod.rs"]
mod survivors;

use std::os::unix::fs::symlink;
use std::time::Instant;

use survivors::{House, until};

const CAT: &str = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=%(here)s/cat.log\n";

fn house(programs: &str) -> House {
    let mut house = House::new(programs);
    house.own_program();
    house.start();
    house
}

fn count(house: &House, text: &str) -> usize {
    house.read("main.log").matches(text).count()
}

/// Sends SIGUSR1 and waits until the successor tells of itself.
fn upgrade(house: &House) {
    let before = count(house, "upgraded in place from");
    House::signal(&house.daemon().to_string(), "USR1");
    let done = || count(house, "upgraded in place from") > before;
    assert!(until(done), "{}", house.read("main.log"));
    assert!(until(|| house.ctl(&["pid"]).trim() == house.daemon().to_string()), "{}", house.read("main.log"));
}

fn uptime(house: &House, name: &str) -> String {
    let info = house.call("supervisor.getProcessInfo", &[name]);
    info.split("<name>start</name>").nth(1).unwrap().split("</int>").next().unwrap().to_owned()
}

fn descriptors(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut kinds: Vec<String> = entries
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .map(|path| path.to_string_lossy().split(':').next().unwrap_or_default().to_owned())
        .collect();
    kinds.sort();
    kinds
}

/// Nothing is open that was not before. A client that had not quite gone then may have gone.
fn has_no_more(pid: u32, before: &[String]) -> bool {
    let mut left = before.to_vec();
    descriptors(pid)
        .iter()
        .all(|kind| left.iter().position(|other| other == kind).map(|place| left.remove(place)).is_some())
}

/// The numbers in logs, the oldest file first.
fn numbers(house: &House, names: &[&str]) -> Vec<u64> {
    names
        .iter()
        .flat_map(|name| house.read(name).lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn all_to(last: usize) -> Vec<u64> {
    (1..=last as u64).collect()
}

#[test]
fn programs_keep_their_pids_and_the_daemon_its_own() {
    let mut house = house(&format!("{CAT}[program:rests]\ncommand=/bin/cat\nstartsecs=0\n"));
    let (pid, start) = (house.pid_of("cat"), uptime(&house, "cat"));
    house.ctl(&["stop", "rests"]);
    house.ctl(&["remove", "rests"]);
    upgrade(&house);
    assert_eq!((house.pid_of("cat"), uptime(&house, "cat")), (pid.clone(), start));
    let log = house.read("main.log");
    assert!(log.contains("1 programs go on"), "{log}");
    assert!(!house.ctl(&["status"]).contains("rests"), "what was removed stays removed");
    assert_eq!(count(&house, "supervisord started with pid"), 1);
    assert_eq!(count(&house, "spawned: 'cat'"), 1);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    house.ctl(&["restart", "cat"]);
    let again = std::fs::read(format!("/proc/{}/environ", house.pid_of("cat"))).unwrap();
    assert_eq!(environment, again, "children do not see that there was an upgrade");
    let limits = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    assert_ne!(limits(&house.pid_of("cat")), "");
    house.end();
    assert!(!house.path("pid").exists() && !house.path("s.sock").exists() && !house.path("pid.state").exists());
}

/// As fast as it can, and at last the whole truth about how many there were.
const FLOOD: &str = "command=/bin/sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo $i; done; read rest'\n\
                     startsecs=0\nautorestart=false\n";

#[test]
fn no_line_of_a_flood_is_lost_over_upgrades() {
    let house = house(&format!(
        "[program:plain]\n{FLOOD}stdout_logfile=%(here)s/plain.log\nstdout_logfile_maxbytes=0\n\
         [program:rotated]\n{FLOOD}stdout_logfile=%(here)s/rotated.log\nstdout_logfile_maxbytes=100KB\n\
         stdout_logfile_backups=9\n\
         [program:redirected]\n{FLOOD}redirect_stderr=true\nstdout_logfile=%(here)s/redirected.log\n\
         stdout_events_enabled=true\n\
         [program:stripped]\n{FLOOD}strip_ansi=true\nstdout_capture_maxbytes=1KB\nstdout_logfile=%(here)s/stripped.log\n"
    ));
    for _ in 0..5 {
        upgrade(&house);
    }
    let parts: Vec<String> = (1..=9).rev().map(|n| format!("rotated.log.{n}")).chain(["rotated.log".into()]).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    for files in [&["plain.log"][..], &parts, &["redirected.log"], &["stripped.log"]] {
        assert!(until(|| numbers(&house, files).len() >= 60000), "{files:?} {}", numbers(&house, files).len());
        assert_eq!(numbers(&house, files), all_to(60000), "{files:?}");
    }
}

#[test]
fn a_capture_that_is_half_written_becomes_one_event() {
    let listener = "[eventlistener:ear]\nevents=PROCESS_COMMUNICATION\nstartsecs=0\nstderr_logfile=%(here)s/ear.log\n\
                    command=/bin/sh -c 'while :; do echo READY; read line; length=${line##*len:}; \
                    head -c $length >&2; echo >&2; printf \"RESULT 2\\nOK\"; done'\n";
    let house = house(&format!(
        "{listener}[program:tells]\ncommand=/bin/cat\nstartsecs=0\nstdout_capture_maxbytes=1MB\nstrip_ansi=true\n\
         stdout_logfile=%(here)s/tells.log\n"
    ));
    house.pid_of("tells");
    let say = |text: &str| house.call("supervisor.sendProcessStdin", &["tells", text]);
    say("before &lt;!--XSUPERVISOR:BEGIN--&gt;one ");
    assert!(until(|| house.read("tells.log") == "before "));
    upgrade(&house);
    say("two&lt;!--XSUPERV");
    upgrade(&house);
    say("ISOR:END--&gt;after\n");
    assert!(until(|| house.read("tells.log") == "before after\n"), "{}", house.read("tells.log"));
    assert!(until(|| house.read("ear.log").contains("\none two\n")), "{}", house.read("ear.log"));
    assert_eq!(house.read("ear.log").matches("processname").count(), 1);
}

/// Notes the serials that it is told, and takes its time for each.
const EAR: &str = "[eventlistener:ear]\nevents=REMOTE_COMMUNICATION\nbuffer_size=100\nstartsecs=0\n\
                   stderr_logfile=%(here)s/ear.log\n\
                   command=/bin/sh -c 'while :; do echo READY; read line; s=${line#* poolserial:}; echo ${s%%%% *} >&2; \
                   length=${line##*len:}; head -c $length >/dev/null; sleep 0.3; \
                   printf \"RESULT 2\\nOK\"; done'\n";

#[test]
fn a_listener_in_the_middle_of_an_event_is_heard_and_told_on() {
    let house = house(&format!("{EAR}{CAT}"));
    let ear = house.pid_of("ear");
    for round in 0..3 {
        for number in 0..4 {
            house.call("supervisor.sendRemoteCommEvent", &["t", &number.to_string()]);
        }
        // It is in the hands of the listener now.
        assert!(until(|| !numbers(&house, &["ear.log"]).is_empty()));
        upgrade(&house);
        assert_eq!(house.pid_of("ear"), ear, "round {round}");
    }
    assert!(until(|| numbers(&house, &["ear.log"]).len() >= 12), "{}", house.read("ear.log"));
    let serials = numbers(&house, &["ear.log"]);
    assert_eq!(serials, (0..12).collect::<Vec<u64>>(), "each once, in order");
}

#[test]
fn an_event_of_which_a_listener_has_read_a_part_arrives_whole() {
    let house = house(
        "[eventlistener:ear]\nevents=REMOTE_COMMUNICATION\nstartsecs=0\ndirectory=%(here)s\n\
         command=/bin/sh -c 'while :; do echo READY; read line || exit; echo begun >> begun; \
         while [ ! -e go ]; do sleep 0.02; done; head -c ${line##*len:} >> got; printf \"RESULT 2\\nOK\"; done'\n",
    );
    let text = "0123456789abcdef".repeat(20_000);
    house.call("supervisor.sendRemoteCommEvent", &["t", &text]);
    assert!(until(|| !house.read("begun").is_empty()));
    upgrade(&house);
    upgrade(&house);
    house.call("supervisor.sendRemoteCommEvent", &["t", "end"]);
    std::fs::write(house.path("go"), "").unwrap();
    let whole = format!("type:t\n{text}type:t\nend");
    assert!(until(|| house.read("got").len() >= whole.len()), "{}", house.read("got").len());
    assert_eq!(house.read("got"), whole);
    assert_eq!(house.read("begun"), "begun\nbegun\n", "each event once");
}

#[test]
fn bytes_that_wait_for_a_stdin_arrive() {
    let house = house(
        "[program:slow]\ncommand=/bin/sh -c 'while [ ! -e go ]; do sleep 0.02; done; cat > got'\ndirectory=%(here)s\n\
         startsecs=0\n",
    );
    house.pid_of("slow");
    let text = "0123456789abcdef".repeat(20_000);
    house.call("supervisor.sendProcessStdin", &["slow", &text]);
    upgrade(&house);
    house.call("supervisor.sendProcessStdin", &["slow", "end"]);
    std::fs::write(house.path("go"), "").unwrap();
    assert!(until(|| house.read("got").len() >= text.len() + 3), "{}", house.read("got").len());
    assert_eq!(house.read("got"), text + "end");
}

#[test]
fn a_child_that_ends_during_the_upgrade_is_seen_with_its_status() {
    let house = house(
        "[program:ends]\ncommand=/bin/sh -c 'sleep 0.$0; exit 3' %(process_num)02d\nprocess_name=%(process_num)02d\n\
         numprocs=60\nstartsecs=0\nautorestart=false\nexitcodes=3\nautostart=false\nstdout_logfile=NONE\n",
    );
    house.call("supervisor.startProcess", &["ends:*"]);
    for _ in 0..3 {
        upgrade(&house);
    }
    let ended = || count(&house, "(exit status 3; expected)");
    assert!(until(|| ended() == 60), "{} {}", ended(), house.ctl(&["status"]));
    assert_eq!(count(&house, "unknown pid"), 0);
}

#[test]
fn many_upgrades_leave_no_descriptor_and_no_zombie_behind() {
    let house = house(&format!(
        "{CAT}{EAR}[fcgi-program:web]\ncommand=/bin/sleep 1000\nsocket=unix://%(here)s/f.sock\nstartsecs=0\n\
         [program:twin]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(process_num)d\nstartsecs=0\n"
    ));
    house.pid_of("web");
    upgrade(&house);
    let daemon = house.daemon();
    let before = descriptors(daemon);
    for _ in 0..20 {
        upgrade(&house);
    }
    assert!(until(|| has_no_more(daemon, &before)), "{before:?} {:?}", descriptors(daemon));
    let children = std::fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    assert_eq!(children.split_whitespace().count(), 6);
    assert!(children.split_whitespace().all(House::lives), "{children}");
    assert!(house.path("f.sock").exists());
    house.ctl(&["stop", "all"]);
    assert!(until(|| !house.path("f.sock").exists()));
}

#[test]
fn a_crash_after_an_upgrade_is_survived() {
    let mut house = house(CAT);
    let pid = house.pid_of("cat");
    upgrade(&house);
    house.kill();
    house.start();
    assert_eq!(house.pid_of("cat"), pid);
    // Adopted by a daemon that is upgraded then: its end is still seen.
    upgrade(&house);
    assert_eq!(house.pid_of("cat"), pid);
    House::signal(&pid, "KILL");
    assert!(until(|| house.pid_of("cat") != pid));
}

#[test]
fn the_path_that_was_executed_counts_and_not_what_it_led_to() {
    let mut house = House::new(CAT);
    house.own_program();
    std::fs::rename(house.path("supervisord"), house.path("one")).unwrap();
    symlink(house.path("one"), house.path("supervisord")).unwrap();
    house.start();
    let pid = house.pid_of("cat");
    std::fs::remove_file(house.path("supervisord")).unwrap();
    house.install(&house.path("one"));
    std::fs::rename(house.path("supervisord"), house.path("two")).unwrap();
    std::fs::remove_file(house.path("one")).unwrap();
    symlink(house.path("two"), house.path("supervisord")).unwrap();
    upgrade(&house);
    let exe = std::fs::read_link(format!("/proc/{}/exe", house.daemon())).unwrap();
    assert!(exe.ends_with("two"), "{}", exe.display());
    assert_eq!(house.pid_of("cat"), pid);
}

#[test]
fn supervisorctl_upgrades_and_tells_what_runs_now_or_why_not() {
    let house = house(CAT);
    let pid = house.pid_of("cat");
    let (said, good) = house.ctl_status(&["upgrade"]);
    assert!(
        said.starts_with("upgraded: supervisord 4.3.0 (build ") && said.ends_with(", 1 programs go on\n"),
        "{said}"
    );
    assert!(good && count(&house, "upgraded in place from") == 1);
    std::fs::write(house.path("script"), "#!/bin/sh\necho 'I would rather not'\n").unwrap();
    house.install(&house.path("script"));
    let (said, good) = house.ctl_status(&["upgrade"]);
    assert!(said.starts_with("ERROR: not upgraded: ") && said.contains("I would rather not"), "{said}");
    assert!(!good && house.pid_of("cat") == pid);
    assert!(!house.ctl(&["help"]).contains("upgrade"), "the list is the reference's");
    assert!(house.ctl(&["help", "upgrade"]).contains("same process id"));
}

#[test]
fn calls_that_wait_are_answered_by_the_successor_and_none_fails() {
    let house = house(
        "[program:slow]\ncommand=/bin/cat\nstartsecs=3\nautostart=false\n\
         [program:deaf]\ncommand=/bin/sh -c 'trap \"\" TERM; echo up; while :; do sleep 1; done'\nstopwaitsecs=3\n\
         startsecs=0\nstdout_logfile=%(here)s/deaf.log\n",
    );
    assert!(until(|| house.read("deaf.log") == "up\n"));
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let start = scope.spawn(|| house.call("supervisor.startProcess", &["slow"]));
        let stop = scope.spawn(|| house.ctl(&["stop", "deaf"]));
        let others: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut asked = 0;
                    while !over.load(std::sync::atomic::Ordering::Relaxed) {
                        let answer = house.call("supervisor.getAllProcessInfo", &[]);
                        assert!(answer.contains("<methodResponse>") && answer.contains("deaf"), "{answer}");
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        assert!(until(|| house.ctl(&["status"]).contains("STARTING") && house.ctl(&["status"]).contains("STOPPING")));
        for _ in 0..3 {
            upgrade(&house);
        }
        let answer = start.join().unwrap();
        assert!(answer.contains("<boolean>1</boolean>"), "{answer}");
        assert_eq!(stop.join().unwrap(), "deaf: stopped\n");
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(others.into_iter().map(|other| other.join().unwrap()).all(|asked| asked > 3));
    });
    let log = house.read("main.log");
    assert!(log.contains("killing 'deaf'") && log.matches("success: slow entered RUNNING").count() == 1, "{log}");
}

#[test]
fn programs_that_start_again_and_again_go_on_doing_so() {
    let house = house(
        "[program:brief]\ncommand=/bin/true\nprocess_name=%(process_num)d\nnumprocs=10\nstartsecs=0\n\
         autorestart=true\nstdout_logfile=NONE\n",
    );
    for _ in 0..4 {
        let before = count(&house, "spawned: ");
        assert!(until(|| count(&house, "spawned: ") > before));
        upgrade(&house);
    }
    let before = count(&house, "spawned: ");
    assert!(until(|| count(&house, "spawned: ") > before + 10));
    let log = house.read("main.log");
    assert!(!log.contains("unknown pid") && !log.contains("FATAL") && !log.contains("CRIT a rule"), "{log}");
    assert!((0..10).all(|number| log.contains(&format!("exited: {number} (exit status 0; expected)"))));
}

#[test]
fn a_daemon_in_the_background_is_upgraded_where_it_is() {
    let mut house = House::new(CAT);
    house.own_program();
    std::fs::create_dir(house.path("elsewhere")).unwrap();
    let elsewhere = house.path("elsewhere");
    house.start_in_background(&["-c", "supervisord.conf", "-d", elsewhere.to_str().unwrap(), "-i", "named"]);
    let pid = house.pid_of("cat");
    upgrade(&house);
    let began = Instant::now();
    assert!(house.ctl_status(&["upgrade"]).1);
    assert!(began.elapsed().as_secs() < 8, "nothing waits for a bound of time: {:?}", began.elapsed());
    assert_eq!(house.pid_of("cat"), pid);
    let daemon = house.daemon();
    assert_eq!(std::fs::read_link(format!("/proc/{daemon}/cwd")).unwrap(), elsewhere.canonicalize().unwrap());
    assert!(house.call("supervisor.getIdentification", &[]).contains("named"));
    // The file that was named from the first folder is still found, and flags still win over it.
    assert!(house.ctl(&["reread"]).contains("No config updates"));
    house.ctl(&["restart", "cat"]);
    assert_ne!(house.pid_of("cat"), pid);
    assert!(house.ctl(&["shutdown"]).contains("Shut down"));
    assert!(until(|| !House::lives(&daemon.to_string())));
}

#[test]
fn what_an_ended_program_has_left_is_waited_for_after_an_upgrade() {
    let house = house(
        "[program:x]\nkillmode=tree\nstartsecs=0\nstopwaitsecs=60\ncommand=/bin/sh -c 'sh -c \"trap : TERM; \
         echo \\$\\$ > %(here)s/child; while :; do sleep 0.1; done\" & wait'\n",
    );
    assert!(until(|| house.read("child").ends_with('\n')));
    std::thread::scope(|scope| {
        let stop = scope.spawn(|| house.ctl(&["stop", "x"]));
        assert!(until(|| count(&house, "'x' left ") == 1), "{}", house.read("main.log"));
        upgrade(&house);
        House::signal(house.read("child").trim(), "KILL");
        assert!(until(|| house.ctl(&["status"]).contains("STOPPED")), "{}", house.read("main.log"));
        assert_eq!(stop.join().unwrap(), "x: stopped\n");
    });
}
