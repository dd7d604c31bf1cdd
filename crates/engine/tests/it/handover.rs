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
    world.pass(1.1);
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

#[test]
fn an_upgrade_answers_its_call_and_repeats_nothing() {
    let groups = vec![listeners("ear", 1, EventType::ALL, 10), program("p", |p| p.startsecs = 5), program("q", |_| {})];
    let mut world = World::new(config(groups));
    world.says("ear", "READY\n");
    world.ask("stopProcess", &["q".into()]).unwrap();
    world.ask("removeProcessGroup", &["q".into()]).unwrap();
    while let Some(last) = world.heard.len().checked_sub(1) {
        world.says("ear", "RESULT 2\nOKREADY\n");
        if world.heard.len() == last + 1 {
            break;
        }
    }
    let (heard, spawned, serial) = (world.heard.len(), world.spawned.clone(), world.engine.next_serial());
    let start = world.call("supervisor.startProcess", &["p".into()]);
    let upgrade = world.call("supervisor.upgrade", &[]);
    world.upgrade();
    assert_eq!(world.reply_of(upgrade), Ok("supervisord 4.3.0 (build 2), 2 programs go on".into()));
    assert_eq!((world.heard.len(), &world.spawned, world.engine.next_serial()), (heard, &spawned, serial));
    assert_eq!(world.reply_of(start), Err("ALREADY_STARTED: p".into()));
    assert!(world.log.iter().any(|line| line == "INFO upgraded in place from 1 to 2, 2 programs go on"));
}

#[test]
fn a_waiting_start_and_a_child_on_its_way_go_on_over_an_upgrade() {
    let mut world = World::new(config(vec![program("p", |p| p.autostart = false)]));
    world.hold.insert(Hold::Spawn);
    let start = world.call("supervisor.startProcess", &["p".into()]);
    world.upgrade();
    assert_eq!((world.state("p").as_str(), world.engine.ordered().len()), ("STARTING", 1));
    world.release(Hold::Spawn);
    world.pass(5.0);
    assert_eq!(world.reply_of(start), Ok(true.into()));
    assert!(world.engine.ordered().is_empty());
}

#[test]
fn a_refused_upgrade_is_told_to_who_asked_and_in_the_log() {
    let mut world = World::new(config(vec![program("p", |_| {})]));
    let call = world.call("supervisor.upgrade", &[]);
    world.input(Input::UpgradeRefused { calls: vec![call], reason: "it is no program".into() });
    assert_eq!(world.reply_of(call), Err("FAILED: it is no program".into()));
    assert!(world.log.iter().any(|line| line.ends_with("supervisord goes on as it is: it is no program")));
    world.stubborn.insert("p".into());
    world.ask("shutdown", &[]).unwrap();
    world.input(Input::Signalled(engine::DaemonSignal::Upgrade));
    assert!(world.upgrades.len() == 1 && world.log.iter().any(|line| line.ends_with("as it is: SHUTDOWN_STATE")));
}
