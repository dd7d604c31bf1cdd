//! What must hold when the clock is moved.

use std::time::{Duration, Instant};

use crate::harness::wait;
use crate::house::{HOUR, House, machine};

/// One for each state that waits for a deadline, and one that just runs. `bad` notes when it was run, by the clock that
/// counts from the boot.
const PROGRAMS: &str = "\
[program:steady]\ncommand=/bin/sleep 1000\nstartsecs=0\n\
[program:slow]\ncommand=/bin/sleep 1000\nstartsecs=4\nautostart=false\n\
[program:bad]\ncommand=/bin/sh -c 'read up idle < /proc/uptime; echo $up >> <DIR>/runs; exit 1'\nstartretries=2\n\
autostart=false\n\
[program:deaf]\ncommand=/bin/sh -c 'trap : TERM; echo up > <DIR>/up; while :; do sleep 0.1; done'\nstopwaitsecs=4\n\
startsecs=0\n";

/// Deadlines are seconds away. One that follows the wall clock is passed at once, or hours away.
const PATIENCE: Duration = Duration::from_secs(25);

pub fn forward() {
    moved(7 * HOUR);
}

pub fn back() {
    moved(-7 * HOUR);
}

fn moved(seconds: i64) {
    let house = House::new(PROGRAMS);
    let daemon = &house.daemon;
    wait("deaf is deaf", || !daemon.read("up").is_empty());
    house.assert_shows(0);
    let call = |method: &str, name: &str| {
        let began = Instant::now();
        let answer = daemon.rpc_with(method, &format!("<param><value>{name}</value></param>"));
        (answer, began.elapsed())
    };
    std::thread::scope(|scope| {
        let start = scope.spawn(|| call("supervisor.startProcess", "slow"));
        let stop = scope.spawn(|| call("supervisor.stopProcess", "deaf"));
        let fail = scope.spawn(|| call("supervisor.startProcess", "bad"));
        wait("all wait", || {
            let status = daemon.ctl_out("status");
            ["STARTING", "STOPPING", "BACKOFF"].iter().all(|state| status.contains(state))
        });
        house.set(seconds);
        house.assert_shows(seconds);
        assert!(house.uptime("steady") < 60, "{}", house.info("steady", "description"));
        for (call, least) in [(start, 4), (stop, 4)] {
            let (answer, took) = call.join().unwrap();
            assert!(answer.contains("<boolean>1</boolean>"), "{answer}");
            assert!(took >= Duration::from_secs(least) && took < PATIENCE, "{took:?}");
        }
        assert!(fail.join().unwrap().0.contains("SPAWN_ERROR"));
    });
    assert_all_came_in_time(&house, seconds);
    // And back again, while nothing waits.
    house.set(0);
    house.assert_shows(0);
    assert!(house.uptime("steady") < 120);
}

/// What waited has come to its end after as long as ever, and is told with the new time.
fn assert_all_came_in_time(house: &House, seconds: i64) {
    let daemon = &house.daemon;
    wait("bad is given up", || daemon.state("bad") == "FATAL");
    let runs: Vec<f64> = daemon.read("runs").lines().map(|line| line.parse().unwrap()).collect();
    let pauses: Vec<f64> = runs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // /proc/uptime counts hundredths.
    assert!(pauses.len() == 2 && pauses[0] > 0.98 && pauses[1] > 1.98, "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause < PATIENCE.as_secs_f64()), "{pauses:?}");
    assert_eq!(daemon.log_lines("killing 'deaf'").len(), 1);
    assert!(house.uptime("slow") < 60 && house.uptime("steady") < 120);
    // What has ended since has ended by the new time, and `status` says so.
    let ended: i64 = house.info("deaf", "stop").parse().unwrap();
    assert!((ended - machine() - seconds).abs() < 120, "{ended}");
    let shown = house.daemon.ctl_out("status deaf");
    let (hour, minute) = (ended.rem_euclid(86_400) / 3600, ended.rem_euclid(3600) / 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "AM" } else { "PM" };
    assert!(shown.contains(&format!("{twelve:02}:{minute:02} {half}")), "{shown} at {ended}");
}

pub fn ticks() {
    let house = House::new(
        "[program:steady]\ncommand=/bin/sleep 1000\nstartsecs=0\n\
         [eventlistener:ear]\nevents=TICK\nstartsecs=0\nstderr_logfile=<DIR>/ear.log\nbuffer_size=100\n\
         command=/bin/sh -c 'while :; do echo READY; read line || exit; name=${line##*eventname:}; length=${line##*len:}; \
         echo ${name%%%% *} $(head -c $length) >&2; printf \"RESULT 2\\nOK\"; done'\n",
    );
    let told = |kind: &str| -> Vec<i64> {
        let log = house.daemon.read("ear.log");
        let lines = log.lines().filter_map(|line| line.split_once(" when:").filter(|(name, _)| *name == kind));
        lines.filter_map(|(_, when)| when.parse().ok()).collect()
    };
    wait("it ticks", || !told("TICK_5").is_empty());
    for seconds in [7 * HOUR, -9 * HOUR, 0] {
        let (fives, hours) = (told("TICK_5").len(), told("TICK_3600").len());
        house.set(seconds);
        // Something happens, so that the daemon looks at its clock.
        house.assert_shows(seconds);
        wait("the new hour is told", || told("TICK_3600").len() > hours);
        let end = machine();
        wait("it ticks on", || told("TICK_5").len() > fives + 3);
        assert!(machine() - end < 60, "as often as ever");
        for (kind, period, before) in [("TICK_5", 5, fives), ("TICK_3600", HOUR, hours)] {
            let fresh = told(kind).split_off(before);
            let shown = machine() + seconds;
            // One of the old time may have been on its way.
            let late = fresh.iter().filter(|when| (shown - **when) > period + 120 || **when > shown).count();
            assert!(late <= 1, "{kind}: {fresh:?} at {shown}");
            assert!(fresh.iter().all(|when| when % period == 0), "{kind}: {fresh:?}");
        }
        // The hour may have ended in between.
        assert!(told("TICK_3600").len() <= hours + 2, "{:?}", told("TICK_3600"));
    }
}

pub fn adopted() {
    let house = House::new(PROGRAMS);
    wait("deaf is deaf", || !house.daemon.read("up").is_empty());
    let (pid, began) = (house.daemon.pid_of("steady"), Instant::now());
    wait("the state is kept", || house.daemon.read("supervisord.pid.state").contains(&format!("\"pid\":{pid}")));
    let house = house.kill_and_start(7 * HOUR);
    assert_eq!(house.daemon.pid_of("steady"), pid);
    house.assert_shows(7 * HOUR);
    let uptime = house.uptime("steady");
    assert!(uptime <= began.elapsed().as_secs() + 60, "{uptime}");
    assert_eq!(house.daemon.ctl_out("stop steady"), "steady: stopped\n");
}
