//! What the state file does not tell: children that were not noted, descendants that outlive a program, programs of others
//! that have the same names.

use std::process::Command;

use crate::survivors::{House, until};

/// Makes what a state file says what it said when only its first line could be written.
fn forget_all_but_the_header(house: &House) {
    let header = house.read("pid.state").lines().next().unwrap().to_owned();
    std::fs::write(house.path("pid.state"), header + "\n").unwrap();
}

#[test]
fn groups_of_which_the_state_file_does_not_tell_get_no_second_copy() {
    let programs = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nnumprocs=2\nprocess_name=%(process_num)d\n\
                    stdout_logfile=%(here)s/cat%(process_num)d.log\n\
                    [program:rests]\ncommand=/bin/cat\nautostart=false\n\
                    [program:auto]\ncommand=/bin/cat\nstartsecs=0\n\
                    [eventlistener:ear]\nevents=TICK_3600\nstartsecs=0\n\
                    command=/bin/sh -c 'echo READY; while :; do read line; done'\n";
    let mut house = House::new(programs);
    house.start();
    let names = ["cat:1", "auto"];
    let (before, ear, ends) = (names.map(|name| house.pid_of(name)), house.pid_of("ear"), house.pid_of("cat:0"));
    house.kill();
    forget_all_but_the_header(&house);
    House::signal(&ends, "KILL");
    assert!(until(|| !House::lives(&ends)));
    house.start();
    assert_eq!(names.map(|name| house.pid_of(name)), before, "{}", house.read("main.log"));
    assert!(!House::lives(&ear) && house.pid_of("ear") != ear, "a listener starts anew");
    assert!(house.ctl(&["status", "rests"]).contains("STOPPED"));
    assert_ne!(house.pid_of("cat:0"), ends, "of a group of which one has ended, that alone is started");
    house.call("supervisor.sendProcessStdin", &["cat:1", "heard\n"]);
    assert!(until(|| house.read("cat1.log") == "heard\n"), "its output goes where it is configured to go");
    assert!(house.ctl(&["restart", "cat:1"]).contains("cat:1: started"));
    assert!(until(|| !House::lives(&before[0])));
}

#[test]
fn a_group_that_was_changed_and_not_noted_again_gets_no_second_copy_of_a_new_member() {
    let numbered = |count: usize| {
        format!("[program:cat]\ncommand=/bin/cat\nstartsecs=0\nnumprocs={count}\nprocess_name=%(process_num)d\n")
    };
    let mut house = House::new(&numbered(2));
    house.start();
    let noted = |house: &House| (0..2).map(|number| house.pid_of(&format!("cat:{number}"))).collect::<Vec<_>>();
    noted(&house);
    let old = house.read("pid.state");
    house.configure(&numbered(3));
    assert!(house.ctl(&["update"]).contains("cat: updated process group"));
    let before: Vec<String> = (0..3).map(|number| house.pid_of(&format!("cat:{number}"))).collect();
    house.kill();
    std::fs::write(house.path("pid.state"), old).unwrap();
    house.start();
    let after: Vec<String> = (0..3).map(|number| house.pid_of(&format!("cat:{number}"))).collect();
    assert_eq!(after, before, "{}", house.read("main.log"));
}

#[test]
fn what_runs_and_is_neither_noted_nor_configured_is_left_alone_and_told() {
    let cat = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    let mut house = House::new(&format!("{cat}[program:gone]\ncommand=/bin/cat\nstartsecs=0\n"));
    house.start();
    let (pid, gone) = (house.pid_of("cat"), house.pid_of("gone"));
    house.kill();
    forget_all_but_the_header(&house);
    house.configure(cat);
    house.start();
    assert_eq!(house.pid_of("cat"), pid);
    assert!(House::lives(&gone));
    let told = format!("pid {gone} runs as 'gone:gone', of which nothing is known: it is left alone");
    assert!(house.read("main.log").contains(&told), "{}", house.read("main.log"));
    House::signal(&gone, "KILL");
}

#[test]
fn what_a_stopped_program_has_left_behind_is_not_taken_for_the_program() {
    // timeout(1) leads a process group of its own, as a program does, and has its environment.
    let mut house = House::new(
        "[program:x]\ncommand=/bin/sh -c 'timeout 1000 sleep 1000 & echo $! > %(here)s/left; exec cat'\nstartsecs=0\n\
         [program:cat]\ncommand=/bin/cat\nstartsecs=0\n",
    );
    house.start();
    let cat = house.pid_of("cat");
    assert!(until(|| house.read("left").ends_with('\n')));
    let left = house.read("left").trim().to_owned();
    let field = |number: usize| {
        let stat = std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap();
        stat.split(' ').nth(number - 1).unwrap().to_owned()
    };
    assert!(until(|| field(5) == left), "it leads its group");
    // Its start is told in hundredths of a second.
    let began = field(22).parse::<f64>().unwrap() / 100.0;
    let uptime = || std::fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
    assert!(until(|| uptime() > began + 0.05));
    house.ctl(&["stop", "x"]);
    assert!(until(|| house.read("pid.state").contains("Stopped")));
    house.kill();
    house.start();
    assert_eq!(house.pid_of("cat"), cat);
    assert!(house.ctl(&["status", "x"]).contains("STOPPED"), "{}", house.read("main.log"));
    assert!(house.read("main.log").contains(&format!("pid {left} was left behind by 'x'")));
    assert!(House::lives(&left));
    House::signal(&left, "KILL");
}

#[test]
fn programs_of_another_daemon_with_the_same_names_are_not_taken() {
    let cat = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n";
    let mut other = House::new(cat);
    other.start();
    let theirs = other.pid_of("cat");
    // The other one is older than this one, and of the same session.
    let mut house = House::new(cat);
    house.start();
    let ours = house.pid_of("cat");
    house.kill();
    House::signal(&ours, "KILL");
    assert!(until(|| !House::lives(&ours)));
    house.start();
    assert!(until(|| house.ctl(&["status"]).contains("RUNNING")));
    assert_ne!(house.pid_of("cat"), theirs);
    assert_eq!(other.pid_of("cat"), theirs);
}

#[test]
fn the_state_file_is_there_before_the_first_child() {
    let mut house = House::new(
        "[program:looks]\nstartsecs=0\nautorestart=false\ncommand=/bin/sh -c 'head -c 20 %(here)s/pid.state > %(here)s/seen'\n",
    );
    house.start();
    assert!(until(|| !house.read("seen").is_empty()), "{}", house.read("main.log"));
    assert!(house.read("seen").contains("Header"), "{:?}", house.read("seen"));
}

#[test]
fn a_child_that_has_not_become_its_program_is_waited_for_and_not_for_ever() {
    let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    house.start();
    let pid = house.pid_of("cat");
    house.kill();
    // What stands between fork and exec looks so: the daemon's file, one thread, nothing that tells which program it is to be.
    let pipe = house.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut between = Command::new(env!("CARGO_BIN_EXE_supervisord")).arg("-c").arg(&pipe).spawn().unwrap();
    let began = std::time::Instant::now();
    house.start();
    assert!(began.elapsed() >= std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    between.kill().unwrap();
    between.wait().unwrap();
    assert_eq!(house.pid_of("cat"), pid);
}

/// A program with a child of another session that has lost its parent, and is found by its environment alone.
const FAMILY: &str = "[program:family]\nkillmode=tree\nstartsecs=0\nstopwaitsecs=1\n\
     command=/bin/sh -c 'setsid sh -c \"(sleep 1000 & echo \\$! > %(here)s/orphan)\"; exec sleep 1002'\n";

fn family(more: &str) -> (House, String, String) {
    let mut house = House::new(&format!("{FAMILY}{more}"));
    house.start();
    assert!(until(|| house.read("orphan").ends_with('\n')));
    let (pid, orphan) = (house.pid_of("family"), house.read("orphan").trim().to_owned());
    house.kill();
    std::fs::remove_file(house.path("orphan")).unwrap();
    (house, pid, orphan)
}

#[test]
fn orphans_kill_ends_descendants_too_where_killmode_says_so() {
    let (mut house, pid, orphan) = family("");
    house.orphans("kill");
    house.start();
    assert!(!House::lives(&pid) && !House::lives(&orphan), "{}", house.read("main.log"));
    assert_ne!(house.pid_of("family"), pid);
}

/// The program ends while there is no daemon, and its child lives until the next one has started the program again.
fn ends_without_a_daemon(house: &mut House, pid: &str, orphan: &str) {
    House::signal(pid, "KILL");
    assert!(until(|| !House::lives(pid)));
    assert!(House::lives(orphan));
    house.start();
    assert!(until(|| house.ctl(&["status", "family"]).contains("RUNNING")));
    assert!(!House::lives(orphan), "{}", house.read("main.log"));
}

#[test]
fn what_a_program_that_ended_without_a_daemon_has_left_is_ended_before_it_is_started_again() {
    for more in ["", "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n"] {
        let (mut house, pid, orphan) = family(more);
        ends_without_a_daemon(&mut house, &pid, &orphan);
        assert!(until(|| house.read("orphan").ends_with('\n')), "the new one has one of its own");
        assert!(House::lives(house.read("orphan").trim()));
    }
}

#[test]
fn what_such_a_program_has_left_in_its_control_group_is_ended_whatever_it_is() {
    // Its child has no parent, no session and no environment in common with it.
    let mut house = House::new(
        "[program:family]\nkillmode=cgroup\nstartsecs=0\nstopwaitsecs=1\n\
         command=/bin/sh -c 'setsid env -i /bin/sleep 1003 & echo $! > %(here)s/orphan; exec sleep 1002'\n",
    );
    house.start();
    assert!(until(|| house.read("orphan").ends_with('\n')));
    let (pid, orphan) = (house.pid_of("family"), house.read("orphan").trim().to_owned());
    if house.read("main.log").contains("no control group") {
        eprintln!("skipped: no control group can be made here");
        return;
    }
    house.kill();
    ends_without_a_daemon(&mut house, &pid, &orphan);
}

#[test]
fn daemons_that_died_together_take_only_their_own_programs_of_the_same_names() {
    let (mut one, pid_1, orphan_1) = family("");
    let (mut two, pid_2, orphan_2) = family("");
    for house in [&one, &two] {
        forget_all_but_the_header(house);
    }
    House::signal(&pid_1, "KILL");
    assert!(until(|| !House::lives(&pid_1)));
    one.start();
    assert!(![&pid_1, &pid_2].contains(&&one.pid_of("family")), "{}", one.read("main.log"));
    assert!(House::lives(&pid_2) && House::lives(&orphan_2), "{}", one.read("main.log"));
    assert_eq!(one.ctl(&["stop", "family"]), "family: stopped\n");
    assert!(House::lives(&pid_2) && House::lives(&orphan_2), "{}", one.read("main.log"));
    two.start();
    assert_eq!(two.pid_of("family"), pid_2);
    assert_eq!(two.ctl(&["stop", "family"]), "family: stopped\n");
    assert!(!House::lives(&pid_2) && !House::lives(&orphan_2));
    House::signal(&orphan_1, "KILL");
}

#[test]
fn a_state_file_of_another_boot_or_another_namespace_is_an_ordinary_start() {
    for word in ["boot", "namespace"] {
        let mut house = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
        house.start();
        let pid = house.pid_of("cat");
        house.kill();
        let other = house.read("pid.state").replacen(&format!("\"{word}\":\""), &format!("\"{word}\":\"other"), 1);
        std::fs::write(house.path("pid.state"), other).unwrap();
        house.start();
        assert_ne!(house.pid_of("cat"), pid, "{word}");
        assert!(!house.read("main.log").contains("has died"), "{word}");
        House::signal(&pid, "KILL");
    }
}

#[test]
fn the_state_file_of_a_daemon_that_runs_is_left_to_it() {
    let mut first = House::new("[program:cat]\ncommand=/bin/cat\nstartsecs=0\n");
    first.start();
    let pid = first.pid_of("cat");
    let state = first.path("pid.state");
    let mut second = House::new(&format!(
        "[supervisord]\nstatefile={}\n[program:cat]\ncommand=/bin/cat\nstartsecs=0\n",
        state.display()
    ));
    second.start();
    assert!(second.read("main.log").contains("which runs: none is kept"), "{}", second.read("main.log"));
    assert!(until(|| second.ctl(&["status"]).contains("RUNNING")));
    second.end();
    assert!(state.exists());
    first.kill();
    first.start();
    assert_eq!(first.pid_of("cat"), pid);
}
