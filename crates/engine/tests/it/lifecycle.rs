//! How one process lives and ends.

use config::Autorestart;
use engine::{DaemonSignal, Input};
use model::{EventType, ExitStatus, Signal, Value};

use crate::config_of::{config, listeners, program};
use crate::world::{Hold, World, critical};

fn with_ear(change: impl FnOnce(&mut config::ProcessConfig)) -> World {
    let mut world =
        World::asleep(config(vec![listeners("ear", 1, &[EventType::ProcessState], 100), program("p", change)]));
    world.ears.insert("ear".into());
    world
}

#[test]
fn a_program_is_starting_until_it_has_stayed_up_for_longer_than_startsecs() {
    let mut world = with_ear(|p| p.startsecs = 10);
    world.input(Input::Started);
    world.pass(10.0);
    assert_eq!(world.state("p"), "STARTING");
    world.pass(0.001);
    assert_eq!(world.state("p"), "RUNNING");
    assert_eq!(world.events("p"), ["STARTING STOPPED tries:0", "RUNNING STARTING pid:101"]);
    assert_eq!(
        world.logged("p entered"),
        ["INFO success: p entered RUNNING state, process has stayed up for > than 10 seconds (startsecs)"]
    );
}

#[test]
fn without_startsecs_a_program_still_passes_through_running() {
    let mut world = with_ear(|p| (p.startsecs, p.autorestart) = (0, Autorestart::Never));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    world.release(Hold::Spawn);
    world.dies("p", 0);
    assert_eq!(
        world.events("p"),
        ["STARTING STOPPED tries:0", "RUNNING STARTING pid:101", "EXITED RUNNING expected:1 pid:101"]
    );
    assert_eq!(world.logged("exited: p"), ["INFO exited: p (exit status 0; expected)"]);
}

#[test]
fn programs_that_start_together_are_all_spawned_before_the_first_is_running() {
    let quick = |name| program(name, |p| p.startsecs = 0);
    let mut world = World::new(config(vec![quick("a"), quick("b"), program("c", |p| p.startsecs = 1)]));
    let told = |world: &World| {
        let lines = world.logged("").into_iter().filter(|line| line.contains("spawned") || line.contains("success"));
        lines.map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&world),
        ["INFO spawned: 'a'", "INFO spawned: 'b'", "INFO spawned: 'c'", "INFO success: a", "INFO success: b"]
    );
    world.pass(1.1);
    assert_eq!(told(&world).last().map(String::as_str), Some("INFO success: c"));
}

#[test]
fn a_program_whose_start_hangs_does_not_hold_up_the_others_for_long() {
    let mut world = World::asleep(config(vec![program("a", |p| p.startsecs = 0), program("b", |p| p.startsecs = 0)]));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    let a = world.id("a");
    world.input(Input::Spawned { process: a, pid: 900 });
    let asked = world.call("supervisor.getProcessInfo", &["a".into()]);
    world.pass(0.9);
    assert!(world.waits(asked), "it came while programs were started together");
    world.pass(0.2);
    assert!(!world.waits(asked), "the start of b does not hold up clients for long");
    assert_eq!((world.state("a"), world.state("b")), ("RUNNING".to_owned(), "STARTING".to_owned()));
}

#[test]
fn who_asks_while_programs_are_started_together_is_answered_once_all_have_been() {
    let mut world = World::asleep(config(vec![program("a", |_| {}), program("b", |p| p.startsecs = 0)]));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    let sent = world.call("supervisor.sendProcessStdin", &["a".into(), "text".into()]);
    let gone = world.call("supervisor.getProcessInfo", &["a".into()]);
    world.input(Input::HungUp { call: gone });
    let asked = world.call("supervisor.getProcessInfo", &["b".into()]);
    let (a, b) = (world.id("a"), world.id("b"));
    world.input(Input::Spawned { process: a, pid: 900 });
    assert!(world.waits(sent) && world.waits(asked));
    world.input(Input::Spawned { process: b, pid: 901 });
    assert!(!world.waits(asked) && world.waits(gone));
    assert!(world.replies.get(&sent).is_none_or(Result::is_ok), "a has a stdin by now: {:?}", world.replies.get(&sent));
    assert_eq!(world.state("b"), "RUNNING");
}

#[test]
fn startretries_are_tries_after_the_first_with_pauses_that_grow_by_a_second() {
    let mut world = with_ear(|p| (p.startsecs, p.startretries) = (10, 2));
    world.input(Input::Started);
    for pause in [1.0, 2.0] {
        world.dies("p", 0);
        assert_eq!(world.state("p"), "BACKOFF");
        world.pass(pause - 0.001);
        assert_eq!(world.state("p"), "BACKOFF");
        world.pass(0.001);
        assert_eq!(world.state("p"), "STARTING");
    }
    world.dies("p", 1);
    assert_eq!(world.state("p"), "FATAL");
    world.pass(1000.0);
    let expected = [
        "STARTING STOPPED tries:0",
        "BACKOFF STARTING tries:1",
        "STARTING BACKOFF tries:1",
        "BACKOFF STARTING tries:2",
        "STARTING BACKOFF tries:2",
        "BACKOFF STARTING tries:3",
        "FATAL BACKOFF",
    ];
    assert_eq!(world.events("p"), expected);
    assert_eq!(world.logged("exited: p").last(), Some(&"WARN exited: p (exit status 1; not expected)"));
    assert_eq!(world.logged("gave up"), ["INFO gave up: p entered FATAL state, too many start retries too quickly"]);
    assert_eq!(world.info("p", "spawnerr"), Value::from("Exited too quickly (process log may have details)"));
    assert_eq!(world.info("p", "exitstatus"), Value::Int(0));
}

#[test]
fn a_long_lived_program_that_dies_is_back_at_once() {
    let mut world = with_ear(|p| p.autorestart = Autorestart::Always);
    world.input(Input::Started);
    world.pass(60.0);
    world.ends("p", ExitStatus::Signaled { signal: Signal::KILL, core: false });
    assert_eq!(world.state("p"), "STARTING");
    assert_eq!(world.logged("exited: p"), ["WARN exited: p (terminated by SIGKILL; not expected)"]);
    world.pass(1.1);
    assert_eq!(world.state("p"), "RUNNING");
    assert_eq!(world.info("p", "spawnerr"), Value::from(""));
}

#[test]
fn a_program_that_lived_less_than_a_second_is_started_a_second_after_its_last_start() {
    let mut world = with_ear(|p| (p.startsecs, p.autorestart) = (0, Autorestart::Always));
    world.input(Input::Started);
    world.pass(0.25);
    world.dies("p", 0);
    assert_eq!(world.state("p"), "EXITED");
    world.pass(0.74);
    assert_eq!(world.state("p"), "EXITED");
    world.pass(0.02);
    assert_eq!(world.state("p"), "RUNNING");
}

#[test]
fn autorestart_decides_what_follows_an_exit() {
    let table = [
        (Autorestart::Always, 0, true),
        (Autorestart::Always, 1, true),
        (Autorestart::Unexpected, 0, false),
        (Autorestart::Unexpected, 1, true),
        (Autorestart::Never, 1, false),
    ];
    for (autorestart, code, again) in table {
        let mut world = with_ear(|p| p.autorestart = autorestart);
        world.input(Input::Started);
        world.pass(5.0);
        world.dies("p", code);
        assert_eq!(world.children.contains_key("p"), again, "{autorestart:?} {code}");
        if !again {
            assert_eq!(world.info("p", "exitstatus"), Value::Int(i64::from(code)));
        }
    }
}

#[test]
fn a_stop_sends_the_stop_signal_and_then_sigkill() {
    let mut world = with_ear(|p| {
        (p.stopsignal, p.stopwaitsecs, p.stopasgroup, p.killasgroup) = (Signal::QUIT, 3, false, true);
    });
    world.stubborn.insert("p".into());
    world.input(Input::Started);
    world.pass(2.0);
    let call = world.call("supervisor.stopProcess", &["p".into()]);
    assert_eq!(world.state("p"), "STOPPING");
    world.pass(2.9);
    assert!(world.waits(call));
    assert_eq!(world.signals, ["SIGQUIT to p"]);
    world.pass(0.2);
    assert_eq!(world.signals, ["SIGQUIT to p", "SIGKILL to group of p"]);
    assert_eq!(world.reply_of(call), Ok(true.into()));
    assert_eq!(world.state("p"), "STOPPED");
    assert_eq!(world.info("p", "exitstatus"), Value::Int(-1));
    assert_eq!(world.logged("waiting for p"), ["INFO waiting for p to stop"; 2]);
    assert_eq!(world.logged("killing"), ["WARN killing 'p' (101) with SIGKILL"]);
    assert_eq!(world.logged("stopped: p"), ["WARN stopped: p (terminated by SIGKILL)"]);
    assert_eq!(world.events("p")[2..], ["STOPPING RUNNING pid:101", "STOPPED STOPPING pid:101"]);
    world.pass(100.0);
    assert_eq!(world.state("p"), "STOPPED");
}

#[test]
fn without_stopwaitsecs_one_sigkill_is_sent() {
    let mut world = with_ear(|p| p.stopwaitsecs = 0);
    world.stubborn.insert("p".into());
    world.hold.insert(Hold::Drain);
    world.input(Input::Started);
    world.ask("stopProcess", &["p".into(), false.into()]).unwrap();
    world.pass(0.5);
    assert_eq!(world.signals, ["SIGTERM to p", "SIGKILL to p"]);
    assert_eq!(world.logged("with SIGKILL").len(), 1);
}

#[test]
fn the_last_output_comes_before_the_exit_but_is_not_waited_for_for_ever() {
    let mut world = with_ear(|_| {});
    world.hold.insert(Hold::Drain);
    world.input(Input::Started);
    world.pass(5.0);
    world.dies("p", 0);
    assert_eq!(world.state("p"), "RUNNING");
    world.pass(1.9);
    assert_eq!(world.state("p"), "RUNNING");
    world.pass(0.2);
    assert_eq!(world.state("p"), "EXITED");
    world.release(Hold::Drain);
    assert_eq!(world.state("p"), "EXITED");
    assert!(critical(&world).is_empty());
}

#[test]
fn a_stop_while_the_last_output_is_awaited_keeps_the_program_stopped() {
    let mut world = with_ear(|p| p.autorestart = Autorestart::Always);
    world.hold.insert(Hold::Drain);
    world.input(Input::Started);
    world.pass(5.0);
    world.dies("p", 0);
    let call = world.call("supervisor.stopProcess", &["p".into()]);
    assert!(world.signals.is_empty() && world.waits(call));
    world.release(Hold::Drain);
    assert_eq!((world.reply_of(call), world.state("p").as_str()), (Ok(true.into()), "STOPPED"));
}

#[test]
fn what_is_asked_while_the_child_is_made_is_done_when_it_is_there() {
    let mut world = with_ear(|p| p.autostart = false);
    world.input(Input::Started);
    world.hold.insert(Hold::Spawn);
    let start = world.call("supervisor.startProcess", &["p".into()]);
    world.ask("signalProcess", &["p".into(), "HUP".into()]).unwrap();
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    assert_eq!(world.state("p"), "STARTING");
    assert!(world.signals.is_empty());
    world.release(Hold::Spawn);
    assert_eq!(world.signals, ["SIGHUP to p", "SIGTERM to p"]);
    assert_eq!(world.reply_of(start), Err("ABNORMAL_TERMINATION: p".into()));
    assert_eq!(world.reply_of(stop), Ok(true.into()));
    assert!(!world.children.contains_key("p"));
    assert_eq!(world.state("p"), "STOPPED");
}

#[test]
fn a_stop_of_a_child_that_does_not_come_to_be_is_a_stop() {
    let mut world = with_ear(|p| p.autostart = false);
    world.input(Input::Started);
    world.hold.insert(Hold::Spawn);
    world.unspawnable.insert("p".into(), "too many open files to spawn 'p'".into());
    world.call("supervisor.startProcess", &["p".into(), false.into()]);
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    world.release(Hold::Spawn);
    assert_eq!(world.reply_of(stop), Ok(true.into()));
    assert_eq!(world.state("p"), "STOPPED");
}

#[test]
fn what_cannot_be_spawned_is_tried_again_and_says_why() {
    let mut world = with_ear(|p| p.startretries = 1);
    world.unspawnable.insert("p".into(), "too many open files to spawn 'p'".into());
    world.input(Input::Started);
    assert_eq!(world.state("p"), "BACKOFF");
    assert_eq!(world.info("p", "description"), Value::from("too many open files to spawn 'p'"));
    world.unspawnable.clear();
    world.pass(3.0);
    assert_eq!(world.state("p"), "RUNNING");
    assert_eq!(world.logged("spawnerr"), ["INFO spawnerr: too many open files to spawn 'p'"]);
}

#[test]
fn a_stop_in_backoff_is_done_at_once() {
    let mut world = with_ear(|p| (p.startsecs, p.startretries) = (10, 20));
    world.input(Input::Started);
    world.dies("p", 1);
    assert_eq!(world.ask("startProcess", &["p".into()]), Err("ALREADY_STARTED: p".into()));
    assert_eq!(world.ask("stopProcess", &["p".into()]), Ok(true.into()));
    world.pass(100.0);
    assert_eq!(world.state("p"), "STOPPED");
    assert_eq!(world.events("p").last().unwrap(), "STOPPED BACKOFF pid:0");
    assert_eq!(world.spawned.iter().filter(|name| *name == "p").count(), 1);
}

#[test]
fn a_stop_between_an_exit_and_the_restart_calls_the_restart_off() {
    let mut world = with_ear(|p| (p.startsecs, p.autorestart) = (0, Autorestart::Always));
    world.input(Input::Started);
    world.dies("p", 0);
    assert_eq!(world.ask("stopProcess", &["p".into()]), Err("NOT_RUNNING: p".into()));
    world.pass(10.0);
    assert_eq!(world.state("p"), "EXITED");
}

#[test]
fn a_signal_that_cannot_be_sent_makes_the_state_unknown() {
    let mut world = with_ear(|_| {});
    world.stubborn.insert("p".into());
    world.input(Input::Started);
    world.pass(5.0);
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    let process = world.id("p");
    world.input(Input::SignalFailed { process, error: "EPERM".into() });
    assert_eq!(world.reply_of(stop), Err("FAILED: unknown problem killing p (101): EPERM".into()));
    assert_eq!(world.state("p"), "UNKNOWN");
    assert_eq!(world.ask("startProcess", &["p".into()]), Err("FAILED: p is in an unknown process state".into()));
    assert_eq!(world.ask("removeProcessGroup", &["p".into()]), Err("STILL_RUNNING: p".into()));
    world.dies("p", 0);
    assert_eq!(world.ask("removeProcessGroup", &["p".into()]), Ok(true.into()));
}

#[test]
fn facts_that_cannot_be_are_logged_and_hurt_one_process_only() {
    let mut world = World::new(config(vec![program("p", |_| {}), program("q", |_| {})]));
    let process = world.id("p");
    world.input(Input::Spawned { process, pid: 5000 });
    assert_eq!((world.state("p").as_str(), world.state("q").as_str()), ("UNKNOWN", "STARTING"));
    assert_eq!(critical(&world).len(), 1);
    let stranger = engine::ProcessId(99);
    world.input(Input::Reaped { process: stranger, status: ExitStatus::Exited(0) });
    world.input(Input::Drained { process: stranger });
    world.input(Input::ListenerSaid { process: stranger, data: b"READY\n".to_vec() });
    assert_eq!(critical(&world).len(), 1);
}

#[test]
fn the_daemon_says_what_its_signals_mean() {
    let mut world = World::new(config(Vec::new()));
    world.input(Input::Signalled(DaemonSignal::ReopenLogs));
    world.input(Input::StrangerReaped { pid: 7, status: ExitStatus::Exited(3) });
    let expected = [
        "INFO received SIGUSR2 indicating log reopen request",
        "INFO supervisord logreopen",
        "reopened",
        "INFO reaped unknown pid 7 (exit status 3)",
    ];
    assert_eq!(world.log, expected);
}

#[test]
fn a_process_is_described_in_every_state() {
    let mut world = with_ear(|_| {});
    world.input(Input::Started);
    world.pass(3661.5);
    assert_eq!(world.info("p", "description"), Value::from("pid 101, uptime 1:01:01"));
    world.wall -= 100_000;
    assert_eq!(world.info("p", "description"), Value::from("pid 101, uptime 1:01:01"));
    world.ask("stopProcess", &["p".into()]).unwrap();
    assert_eq!(world.info("p", "description"), Value::from("Nov 23 02:40 AM"));
}
