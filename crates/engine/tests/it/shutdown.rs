//! The daemon's end.

use config::Autorestart;
use engine::{DaemonSignal, Input};
use model::{EventType, Signal, SupervisorState};

use crate::config_of::{config, group, listeners, process, program};
use crate::world::{Hold, World};

#[test]
fn groups_stop_one_after_another_from_the_highest_priority() {
    let groups = [("a", 20), ("b", 5), ("c", 900), ("d", 20)];
    let groups = groups.map(|(name, priority)| program(name, |p| p.priority = priority)).to_vec();
    let mut world = World::new(config(groups));
    world.hold.insert(Hold::Drain);
    world.exit_signal(Signal::TERM);
    for name in ["c", "d", "a", "b"] {
        assert_eq!(world.signals.last().unwrap(), &format!("SIGTERM to {name}"));
        assert_eq!(world.held.len(), 1);
        let drained = world.held.remove(0);
        world.input(drained);
    }
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert_eq!(world.logged("received"), ["WARN received SIGTERM indicating exit request"]);
    assert_eq!(world.logged("to die"), ["INFO waiting for b, a, d, c to die"]);
}

#[test]
fn a_groups_processes_stop_from_the_highest_priority() {
    let members =
        [("x", 1), ("y", 3), ("z", 2)].map(|(name, priority)| config::ProcessConfig { priority, ..process(name) });
    let mut world = World::new(config(vec![group("g", 1, members.to_vec())]));
    assert_eq!(world.spawned, ["x", "y", "z"]);
    world.exit_signal(Signal::INT);
    assert_eq!(world.signals, ["SIGTERM to y", "SIGTERM to z", "SIGTERM to x"]);
}

#[test]
fn a_shutdown_waits_for_a_stubborn_program_and_says_so_every_three_seconds() {
    let mut world = World::new(config(vec![program("p", |_| {})]));
    world.stubborn.insert("p".into());
    assert_eq!(world.ask("shutdown", &[]), Ok(true.into()));
    world.pass(9.9);
    assert_eq!(world.finished, None);
    assert_eq!(world.logged("waiting for p to die").len(), 4);
    world.pass(0.2);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert_eq!(world.engine.due(), None);
}

#[test]
fn nothing_is_started_any_more_during_a_shutdown() {
    let slow = program("slow", |p| p.priority = 1000);
    let again = program("again", |p| (p.startsecs, p.autorestart) = (0, Autorestart::Always));
    let crash = program("crash", |p| p.startsecs = 10);
    let mut world = World::new(config(vec![slow, again, crash]));
    world.stubborn.insert("slow".into());
    world.dies("crash", 1);
    world.exit_signal(Signal::TERM);
    world.dies("again", 0);
    let spawned = world.spawned.len();
    world.pass(9.0);
    assert_eq!((world.state_of_engine(), world.spawned.len()), (SupervisorState::Shutdown, spawned));
    world.pass(2.0);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert!(world.logged("gave up").is_empty());
}

#[test]
fn a_hang_up_restarts_but_not_during_a_shutdown() {
    let mut world = World::new(config(vec![program("p", |_| {})]));
    world.stubborn.insert("p".into());
    world.input(Input::Signalled(DaemonSignal::Restart));
    assert_eq!(world.state_of_engine(), SupervisorState::Restarting);
    world.exit_signal(Signal::QUIT);
    world.input(Input::Signalled(DaemonSignal::Restart));
    world.pass(20.0);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert_eq!(
        world.logged("SIGHUP"),
        [
            "WARN received SIGHUP indicating restart request",
            "WARN ignored SIGHUP indicating restart request (shutdown in progress)"
        ]
    );
}

#[test]
fn a_child_that_is_just_being_made_is_stopped_too() {
    let mut world = World::asleep(config(vec![program("p", |_| {})]));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    world.exit_signal(Signal::TERM);
    assert_eq!(world.finished, None);
    world.release(Hold::Spawn);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
}

#[test]
fn whoever_still_waits_at_the_end_is_answered() {
    let mut world = World::new(config(vec![program("p", |p| p.autostart = false)]));
    world.hold.insert(Hold::Check);
    let start = world.call("supervisor.startProcess", &["p".into()]);
    world.exit_signal(Signal::TERM);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert_eq!(world.reply_of(start), Err("SHUTDOWN_STATE".into()));
    world.release(Hold::Check);
    assert!(world.children.is_empty());
}

#[test]
fn listeners_hear_of_the_end_and_stop_last() {
    let ear = listeners("ear", 1, &[EventType::SupervisorStateChange], 10);
    let mut world = World::asleep(config(vec![ear, program("p", |_| {})]));
    world.ears.insert("ear".into());
    world.stubborn.insert("p".into());
    world.input(Input::Started);
    world.exit_signal(Signal::TERM);
    world.pass(20.0);
    let names: Vec<_> = world.heard.iter().map(|(_, header, _)| header.split("eventname:").nth(1).unwrap()).collect();
    assert_eq!(names, ["SUPERVISOR_STATE_CHANGE_RUNNING len:0", "SUPERVISOR_STATE_CHANGE_STOPPING len:0"]);
    assert_eq!(world.signals, ["SIGTERM to p", "SIGKILL to p", "SIGTERM to ear"]);
}

#[test]
fn a_daemon_without_programs_ends_at_once() {
    let mut world = World::new(config(Vec::new()));
    world.exit_signal(Signal::TERM);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
}
