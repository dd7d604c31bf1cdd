//! What the daemon has read and not yet written when it is killed: programs that flood keep its hands full at every moment.

use crate::survivors::{House, until};

const KILLS: usize = 60;
/// A log is rotated so often that many kills fall beside a rotation, and none of its copies is removed.
const ROTATION: &str = "stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000";
const COPIES: usize = 5000;

fn floods() -> String {
    let program = |name: &str, options: &str| {
        format!(
            "[program:{name}]\ncommand=/bin/sh -c 'exec seq 1 1000000000'\nstartsecs=0\n\
             redirect_stderr=true\nstdout_logfile=%(here)s/{name}.log\n{options}\n"
        )
    };
    program("plain", "stdout_logfile_maxbytes=0") + &program("rotated", ROTATION)
}

/// The log with its old copies, oldest first. A kill in the middle of a rotation leaves out a number.
fn whole_log(house: &House, name: &str) -> String {
    let mut files: Vec<String> = (1..=COPIES).rev().map(|number| format!("{name}.log.{number}")).collect();
    files.push(format!("{name}.log"));
    files.iter().map(|file| house.read(file)).collect()
}

fn length(house: &House, name: &str) -> u64 {
    std::fs::metadata(house.path(&format!("{name}.log"))).map_or(0, |found| found.len())
}

/// Each number once, in order; the last line may be half written.
fn assert_whole(name: &str, log: &str) {
    let (lines, _) = log.rsplit_once('\n').unwrap();
    for (line, expected) in lines.split('\n').zip(1_u64..) {
        assert_eq!(line.parse(), Ok(expected), "{name}: {line:?} stands where {expected} should");
    }
}

#[test]
fn what_the_daemon_had_in_its_hands_when_it_was_killed_is_logged_once_by_the_next_one() {
    let mut house = House::new(&floods());
    for kill in 0..KILLS {
        house.start();
        if kill % 8 == 7 {
            // Its memory goes along.
            assert!(house.ctl(&["upgrade"]).contains("upgraded"));
        }
        // The moment depends on how much has come, and so on nothing else.
        let before = length(&house, "plain");
        assert!(until(|| length(&house, "plain") > before + 20_000 + 777 * kill as u64), "nothing is logged");
        house.kill();
    }
    house.start();
    house.ctl(&["stop", "all"]);
    for name in ["plain", "rotated"] {
        let log = whole_log(&house, name);
        assert_whole(name, &log);
    }
    let recovered = house.read("main.log").matches("logged what was in hand of").count();
    println!("{KILLS} kills, {recovered} of them with output in hand");
}
