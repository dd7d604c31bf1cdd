//! kill -9 of the daemon at any moment, while clients start, stop and restart, programs write and listeners listen.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::survivors::{House, until};

/// Each program takes a lock of its own and cries out if another copy has it. Its lines are numbered, and hold its pid. What
/// a shell has forked when it is killed has the lock for a moment more, until it is `sleep`; a copy would have it for ever.
const PROGRAM: &str = "command=/bin/sh -c 'exec 9>>%(here)s/%(program_name)s.lock; flock -w 5 9 || echo %(program_name)s >> \
    %(here)s/twice; i=0; while :; do i=$((i+1)); echo \"$$ $i\"; sleep 0.01 9>&-; done'\nstartsecs=0\nstopwaitsecs=5\n\
    redirect_stderr=true\nstdout_logfile=%(here)s/%(program_name)s.log\nstdout_logfile_maxbytes=0\n";
/// Those that clients leave alone, and those that they do not.
const STEADY: [&str; 3] = ["steady1", "steady2", "steady3"];
const BUSY: [&str; 3] = ["busy1", "busy2", "busy3"];

fn config() -> String {
    let programs: String = STEADY.iter().chain(&BUSY).map(|name| format!("[program:{name}]\n{PROGRAM}")).collect();
    format!(
        "{programs}[eventlistener:ear]\nevents=PROCESS_STATE\nstartsecs=0\nbuffer_size=1000\nstderr_logfile=NONE\n\
         command=/bin/sh -c 'while :; do echo READY; read line || exit; printf \"RESULT 2\\nOK\"; done'\n"
    )
}

/// xorshift: enough to be at any moment, and repeatable.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The processes of a program, whoever is their parent.
fn copies(house: &House, name: &str) -> Vec<String> {
    let mark = format!("{}/{name}.lock", house.path("").display()).replace("//", "/");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&mark)
    })
    // What it has just forked still has its command line.
    .filter(|pid| {
        House::lives(pid) && crate::harness::stat(pid.parse().unwrap()).is_some_and(|fields| fields[2] == *pid)
    })
    .collect()
}

/// Numbers of each process that wrote into a log follow each other; gives how many lines there are, and how many are missing.
fn check_lines(house: &House, name: &str) -> (usize, u64) {
    let log = house.read(&format!("{name}.log"));
    let mut last: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
    let mut missing = 0;
    for line in log.lines() {
        let Some((pid, number)) = line.split_once(' ') else { panic!("{name}: a torn line: {line:?}") };
        let number: u64 = number.parse().unwrap_or_else(|_| panic!("{name}: a torn line: {line:?}"));
        let before = last.insert(pid, number).unwrap_or(0);
        assert!(number > before, "{name}: pid {pid} wrote {number} after {before}");
        missing += number - before - 1;
    }
    (log.lines().count(), missing)
}

/// Clients that never rest, until `done`.
fn clients(house: &House, seed: u64, done: &AtomicBool) {
    let mut dice = Dice(seed);
    while !done.load(Ordering::Relaxed) {
        let verb = ["start", "stop", "restart", "status"][dice.below(4) as usize];
        let name = BUSY[dice.below(3) as usize];
        house.ctl(&[verb, name]);
    }
}

#[test]
fn a_daemon_that_is_killed_at_any_moment_leaves_one_copy_of_each_program_and_every_line() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = crate::number("SUPERVISOR_FAULTS_SEED", now.as_nanos() as u64) | 1;
    let kills = crate::number("SUPERVISOR_FAULTS_KILLS", 15);
    println!("seed {seed}: SUPERVISOR_FAULTS_SEED={seed} repeats it");
    let mut house = House::new(&config());
    house.start();
    let pids = STEADY.map(|name| house.pid_of(name));
    let first = crate::harness::descriptors(house.daemon_pid());
    kill_again_and_again(&mut house, kills, &mut Dice(seed));
    house.start();
    assert_eq!(STEADY.map(|name| house.pid_of(name)), pids, "nobody touched them");
    assert_eq!(house.read("twice"), "", "a lock was taken twice");
    house.ctl(&["start", "all"]);
    for name in STEADY.iter().chain(&BUSY) {
        let pid = house.pid_of(name);
        assert_eq!(copies(&house, name), [pid], "{name}: status is true");
        let (lines, _) = check_lines(&house, name);
        assert!(until(|| house.read(&format!("{name}.log")).lines().count() > lines), "{name} is logged on");
    }
    let daemon = house.daemon_pid();
    // Besides what it had, a descriptor by which the end of each adopted program is seen.
    assert!(until(|| crate::harness::descriptors(daemon) <= first + STEADY.len() + BUSY.len() + 2), "no leak");
    crate::no_zombie(daemon);
    let (lines, missing) = STEADY
        .iter()
        .chain(&BUSY)
        .map(|name| check_lines(&house, name))
        .fold((0, 0), |(lines, missing), (more, without)| (lines + more, missing + without));
    println!("{kills} kills, {lines} lines, {missing} missing");
    assert_eq!(missing, 0, "lines are missing after {kills} kills");
}

/// Each round begins and ends without a daemon, and in none is there a second copy of a program.
fn kill_again_and_again(house: &mut House, kills: u64, dice: &mut Dice) {
    house.kill();
    for round in 0..kills {
        if dice.below(3) == 0 {
            // Even while it starts and adopts.
            house.launch();
            std::thread::sleep(Duration::from_millis(dice.below(60)));
        } else {
            house.start_if_down();
            kill_under_clients(house, dice);
        }
        house.kill();
        for name in STEADY.iter().chain(&BUSY) {
            let copies = copies(house, name);
            assert!(copies.len() <= 1, "round {round}: {name} runs as {copies:?}\n{}", house.read("main.log"));
        }
    }
}

fn kill_under_clients(house: &House, dice: &mut Dice) {
    let done = AtomicBool::new(false);
    let seeds = [dice.below(u64::MAX) | 1, dice.below(u64::MAX) | 1];
    let pause = Duration::from_millis(dice.below(300));
    std::thread::scope(|scope| {
        for seed in seeds {
            let done = &done;
            scope.spawn(move || clients(house, seed, done));
        }
        std::thread::sleep(pause);
        crate::harness::kill(house.daemon_pid(), "KILL");
        done.store(true, Ordering::Relaxed);
    });
}
