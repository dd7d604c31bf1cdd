//! The engine's state in another engine.

use engine::{Engine, Handover, HandoverError, Input, Local, LocalTime, Request};
use model::{EventType, Value, WallTime};

use crate::config_of::{config, listeners, program};
use crate::world::{Hold, World};

#[test]
fn a_successor_goes_on_where_the_other_left_off() {
    let groups = || vec![listeners("ear", 1, &[EventType::RemoteCommunication], 10), program("p", |p| p.startsecs = 5)];
    let mut world = World::new(config(groups()));
    world.says("ear", "READY\n");
    for text in ["a", "b"] {
        world.ask("sendRemoteCommEvent", &["t".into(), text.into()]).unwrap();
    }
    world.says("ear", "RESULT 2\nO");
    world.stubborn.insert("p".into());
    world.pass(1.0);
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    world.hand_over(config(groups()));
    assert_eq!(world.state("p"), "STOPPING");
    assert_eq!(world.info("p", "pid"), Value::Int(101));
    world.says("ear", "KREADY\n");
    assert_eq!(world.heard.len(), 2);
    assert!(world.heard[1].1.contains("serial:1 pool:ear poolserial:1"));
    world.pass(20.0);
    assert_eq!(world.reply_of(stop), Ok(true.into()));
    assert_eq!(world.children.keys().collect::<Vec<_>>(), ["ear"]);
}

#[test]
fn a_restored_daemon_starts_only_what_is_new() {
    let mut world = World::new(config(vec![program("kept", |_| {})]));
    world.pass(2.0);
    world.hand_over(config(vec![program("kept", |_| {}), program("new", |_| {})]));
    world.input(Input::Started);
    assert_eq!(world.spawned, ["kept", "new"]);
    assert_eq!(world.state("kept"), "RUNNING");
}

#[test]
fn a_child_that_was_ordered_and_never_heard_of_is_ordered_again() {
    let mut world = World::asleep(config(vec![program("p", |_| {})]));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    world.hand_over(config(vec![program("p", |_| {})]));
    world.held.clear();
    world.children.clear();
    world.hold.clear();
    world.pass(3.0);
    assert_eq!(world.state("p"), "RUNNING");
}

#[test]
fn calls_of_clients_that_are_gone_are_left_out() {
    let mut world = World::new(config(vec![program("p", |p| p.startsecs = 5)]));
    world.stubborn.insert("p".into());
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    let handover = world.engine.save().without_calls();
    let local = Local { pid: 1, time: |_| LocalTime::default() };
    world.engine = Engine::restore(handover, config(Vec::new()), local).unwrap();
    world.pass(30.0);
    assert!(world.waits(stop));
    assert_eq!(world.state("p"), "STOPPED");
}

#[test]
fn a_form_that_is_not_known_is_refused() {
    let world = World::new(config(Vec::new()));
    let mut handover = world.engine.save();
    handover.version = 99;
    let local = Local { pid: 1, time: |_| LocalTime::default() };
    let error = Engine::restore(handover, config(Vec::new()), local).unwrap_err();
    assert_eq!(error, HandoverError::Version(99));
    assert_eq!(error.to_string(), "the state has form 99, and only form 1 is known here");
}

#[test]
fn a_call_of_a_daemon_that_died_answers_no_client_of_the_next() {
    let groups = || config(vec![program("p", |_| {}), program("r", |r| (r.startsecs, r.autostart) = (60, false))]);
    let mut world = World::new(groups());
    world.pass(2.0);
    world.stubborn.insert("p".into());
    let old = world.call("supervisor.stopProcess", &["p".into()]);
    // As the next daemon finds it: what the state file says of groups, and nothing of calls.
    let handover = Handover::of_groups(world.engine.save().groups, 1, WallTime::default());
    let local = Local { pid: 1, time: |_| LocalTime::default() };
    world.engine = Engine::restore(handover, groups(), local).unwrap();
    // Its numbers begin anew, so that a client waits under that of the old one.
    let request = Request::Method { name: "supervisor.startProcess".into(), params: vec!["r".into()] };
    world.input(Input::Called { call: old, request });
    world.pass(15.0);
    assert_eq!(world.state("p"), "STOPPED");
    assert!(world.waits(old), "the end of p answered a client that asked for r");
}

#[test]
fn a_start_that_was_told_to_stop_while_it_was_made_is_not_made_again() {
    let mut world = World::asleep(config(vec![program("p", |_| {})]));
    world.hold.insert(Hold::Spawn);
    world.input(Input::Started);
    let stop = world.call("supervisor.stopProcess", &["p".into()]);
    assert!(world.waits(stop));
    let handover = Handover::of_groups(world.engine.save().groups, 1, WallTime::default());
    world.held.clear();
    world.children.clear();
    world.hold.clear();
    let local = Local { pid: 1, time: |_| LocalTime::default() };
    world.engine = Engine::restore(handover, config(vec![program("p", |_| {})]), local).unwrap();
    world.pass(30.0);
    assert_eq!(world.state("p"), "STOPPED");
    assert_eq!(world.children.len(), 0);
}
