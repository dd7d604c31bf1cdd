//! What listeners are told, how they answer, and what becomes of events that they cannot take.

use engine::Input;
use model::{Channel, EventType, Value};

use crate::config_of::{config, listeners, program};
use crate::world::{Hold, World};

fn remote(world: &mut World, text: &str) {
    world.ask("sendRemoteCommEvent", &["note".into(), Value::from(text.to_owned())]).unwrap();
}

/// The events of a listener that the test speaks for, `REMOTE_COMMUNICATION` only.
fn ear(count: usize, buffer_size: usize) -> World {
    World::new(config(vec![listeners("ear", count, &[EventType::RemoteCommunication], buffer_size)]))
}

fn bodies(world: &World) -> Vec<&str> {
    world.heard.iter().map(|(_, _, body)| body.split_once('\n').map_or(&**body, |(_, rest)| rest)).collect()
}

fn field<'a>(header: &'a str, name: &str) -> &'a str {
    header.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix(':')).unwrap()
}

fn serials(world: &World) -> Vec<(&str, &str)> {
    world.heard.iter().map(|(_, header, _)| (field(header, "serial"), field(header, "poolserial"))).collect()
}

#[test]
fn the_header_says_whence_and_what_and_counts_characters() {
    let mut world = ear(1, 10);
    world.says("ear", "READY\n");
    remote(&mut world, "grüße");
    let (_, header, body) = &world.heard[0];
    assert_eq!(
        header,
        "ver:3.0 server:supervisor serial:0 pool:ear poolserial:0 eventname:REMOTE_COMMUNICATION len:15"
    );
    assert_eq!(body, "type:note\ngrüße");
}

#[test]
fn events_wait_until_a_listener_is_running_and_ready() {
    let mut world = ear(1, 10);
    remote(&mut world, "a");
    assert!(world.heard.is_empty());
    world.says("ear", "REA");
    world.says("ear", "DY\n");
    remote(&mut world, "b");
    assert_eq!(bodies(&world), ["a"]);
    world.says("ear", "RESULT 2\nOK");
    assert_eq!(bodies(&world), ["a"]);
    world.says("ear", "READY\n");
    assert_eq!(bodies(&world), ["a", "b"]);
}

#[test]
fn a_refused_event_comes_again_before_those_that_wait_with_the_same_serials() {
    for answer in ["RESULT 4\nFAIL", "RESULT 0\n", "RESULT 3\nOK "] {
        let mut world = ear(1, 10);
        world.says("ear", "READY\n");
        remote(&mut world, "a");
        remote(&mut world, "b");
        world.says("ear", &format!("{answer}READY\n"));
        world.says("ear", "RESULT 2\nOKREADY\n");
        assert_eq!(bodies(&world), ["a", "a", "b"], "{answer:?}");
        assert_eq!(serials(&world), [("0", "0"), ("0", "0"), ("1", "1")]);
        assert_eq!(world.logged("rejected"), ["WARN ear: event was rejected"]);
    }
}

#[test]
fn a_full_buffer_drops_the_oldest_event_and_counts_it() {
    let mut world = ear(1, 3);
    world.says("ear", "READY\n");
    for text in ["a", "b", "c", "d", "e", "f"] {
        remote(&mut world, text);
    }
    assert_eq!(
        world.logged("overflowed"),
        [
            "ERRO pool ear event buffer overflowed, discarding event 1",
            "ERRO pool ear event buffer overflowed, discarding event 2"
        ]
    );
    world.says("ear", "RESULT 1\nxREADY\n");
    assert_eq!(world.logged("overflowed").len(), 3);
    for _ in 0..3 {
        world.says("ear", "RESULT 2\nOKREADY\n");
    }
    assert_eq!(bodies(&world), ["a", "a", "e", "f"]);
}

#[test]
fn a_flood_of_losses_is_not_a_flood_of_lines() {
    let mut world = ear(1, 1);
    for _ in 0..=1000 {
        remote(&mut world, "x");
    }
    let lines = world.logged("overflowed");
    assert_eq!(lines.len(), 22);
    assert_eq!(lines[21], "ERRO pool ear event buffer overflowed, discarding event 999 (1000 since the last delivery)");
}

#[test]
fn an_event_is_not_lost_with_the_listener_that_had_it() {
    let mut world = ear(1, 10);
    world.says("ear", "READY\n");
    remote(&mut world, "a");
    world.pass(5.0);
    world.dies("ear", 1);
    assert_eq!(world.state("ear"), "RUNNING");
    world.says("ear", "READY\n");
    assert_eq!((bodies(&world), serials(&world)), (vec!["a", "a"], vec![("0", "0"), ("0", "0")]));
    world.ask("stopProcess", &["ear".into()]).unwrap();
    remote(&mut world, "b");
    world.ask("startProcess", &["ear".into()]).unwrap();
    world.says("ear", "READY\n");
    world.says("ear", "RESULT 2\nOKREADY\n");
    assert_eq!(bodies(&world), ["a", "a", "a", "b"]);
}

#[test]
fn whoever_breaks_the_protocol_is_told_nothing_more_until_a_restart() {
    let mut world = ear(1, 10);
    world.says("ear", "READY\n");
    remote(&mut world, "a");
    world.says("ear", "RESULT 2\nOK\nREADY\n");
    remote(&mut world, "b");
    world.says("ear", "READY\n");
    assert_eq!(bodies(&world), ["a"]);
    assert_eq!(world.state("ear"), "RUNNING");
    assert_eq!(world.logged("has entered the UNKNOWN state").len(), 1);
    world.ask("stopProcess", &["ear".into()]).unwrap();
    world.ask("startProcess", &["ear".into()]).unwrap();
    world.says("ear", "READY\n");
    assert_eq!(bodies(&world), ["a", "b"]);
}

#[test]
fn a_bad_result_line_gives_the_event_to_another_of_the_pool() {
    let mut world = ear(2, 10);
    world.says("ear0", "READY\n");
    world.says("ear1", "READY\n");
    remote(&mut world, "a");
    world.says("ear0", "RESULT\n");
    assert_eq!(world.logged("bad result"), ["WARN ear0: bad result line: 'RESULT'"]);
    let listeners: Vec<_> = world.heard.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(listeners, ["ear0", "ear1"]);
}

#[test]
fn a_listener_that_closed_its_stdin_does_not_swallow_events() {
    let mut world = ear(2, 10);
    world.closed.insert("ear0".into());
    world.says("ear0", "READY\n");
    world.says("ear1", "READY\n");
    remote(&mut world, "a");
    assert_eq!(world.heard.iter().map(|(name, _, _)| name.as_str()).collect::<Vec<_>>(), ["ear1"]);
}

#[test]
fn serials_are_taken_only_by_events_that_somebody_hears() {
    let one = listeners("one", 1, &[EventType::RemoteCommunication], 10);
    let two = listeners("two", 1, &[EventType::RemoteCommunication, EventType::ProcessGroupRemoved], 10);
    let idle = program("idle", |p| p.autostart = false);
    let mut world = World::asleep(config(vec![one, two, idle]));
    world.ears.extend(["one".into(), "two".into()]);
    world.input(Input::Started);
    remote(&mut world, "a");
    world.ask("removeProcessGroup", &["idle".into()]).unwrap();
    remote(&mut world, "b");
    let of = |pool: &str| -> Vec<_> {
        world.heard.iter().zip(serials(&world)).filter(|((name, _, _), _)| name == pool).map(|(_, pair)| pair).collect()
    };
    assert_eq!(of("one"), [("0", "0"), ("2", "1")]);
    assert_eq!(of("two"), [("0", "0"), ("1", "1"), ("2", "2")]);
}

#[test]
fn a_pool_hears_its_own_group_come_and_then_the_others() {
    let pool = listeners("ear", 1, &[EventType::ProcessGroup], 10);
    let mut world = World::asleep(config(vec![
        pool,
        program("ant", |_| {}),
        program("zebra", |p| p.priority = 5),
        program("before", |p| p.priority = -2),
    ]));
    world.ears.insert("ear".into());
    world.input(Input::Started);
    let bodies: Vec<_> = world.heard.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(bodies, ["groupname:ear\n", "groupname:zebra\n", "groupname:ant\n"]);
}

#[test]
fn output_is_told_before_the_exit_that_follows_it() {
    let pool = listeners("ear", 1, &[EventType::ProcessLog, EventType::ProcessStateExited], 10);
    let mut world = World::asleep(config(vec![pool, program("p", |_| {})]));
    world.ears.insert("ear".into());
    world.input(Input::Started);
    world.pass(5.0);
    world.hold.insert(Hold::Drain);
    world.dies("p", 0);
    let process = world.id("p");
    world.input(Input::Output { process, channel: Channel::Stderr, data: b"last words\n".to_vec() });
    world.input(Input::Output { process, channel: Channel::Stdout, data: b"\xff".to_vec() });
    world.release(Hold::Drain);
    let bodies: Vec<_> = world.heard.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            "processname:p groupname:p pid:101 channel:stderr\nlast words\n",
            "processname:p groupname:p pid:101 channel:stdout\nUndecodable: b'\\xff'",
            "processname:p groupname:p from_state:RUNNING expected:1 pid:101"
        ]
    );
}

#[test]
fn messages_in_the_output_are_told_by_their_stream() {
    let pool = listeners("ear", 1, &[EventType::ProcessCommunicationStderr], 10);
    let mut world = World::asleep(config(vec![pool, program("p", |_| {})]));
    world.ears.insert("ear".into());
    world.input(Input::Started);
    let process = world.id("p");
    for channel in [Channel::Stdout, Channel::Stderr] {
        world.input(Input::Captured { process, channel, data: b"hello".to_vec() });
    }
    assert_eq!(world.heard.len(), 1);
    assert_eq!(world.heard[0].2, "processname:p groupname:p pid:101\nhello");
}

#[test]
fn ticks_come_on_the_wall_clocks_multiples_and_only_if_somebody_listens() {
    let mut world = World::new(config(vec![program("p", |_| {})]));
    world.pass(60.0);
    assert_eq!(world.engine.due(), None);
    let mut world = World::asleep(config(vec![listeners("ear", 1, &[EventType::Tick], 10)]));
    world.ears.insert("ear".into());
    world.input(Input::Started);
    world.pass(20.0);
    let bodies: Vec<_> = world.heard.iter().map(|(_, _, body)| body.as_str()).collect();
    assert_eq!(bodies, ["when:1700000005", "when:1700000010", "when:1700000015", "when:1700000020"]);
    world.pass(20.0);
    let minute = world.heard.iter().find(|(_, header, _)| header.contains("TICK_60")).unwrap();
    assert_eq!(minute.2, "when:1700000040");
    world.heard.clear();
    world.wall += 86_400;
    world.pass(5.0);
    assert_eq!(world.heard.len(), 3, "one of each period, not one for each slice that was jumped over");
}

#[test]
fn a_wall_clock_that_is_set_is_told_at_the_next_input_and_not_when_the_old_hour_ends() {
    let mut world = World::asleep(config(vec![listeners("ear", 1, &[EventType::Tick3600], 10)]));
    world.ears.insert("ear".into());
    world.input(Input::Started);
    for (hours, told) in [(7, "when:1700024400"), (-9, "when:1699992000")] {
        world.heard.clear();
        world.wall += hours * 3600;
        world.input(Input::Due);
        let bodies: Vec<_> = world.heard.iter().map(|(_, _, body)| body.as_str()).collect();
        assert_eq!(bodies, [told]);
        let due = world.engine.due().unwrap().since(world.now);
        assert!(due.as_secs() < 3600, "the next hour of the new clock is waited for: {due:?}");
    }
}

#[test]
fn a_listener_that_is_removed_is_told_nothing_and_costs_nothing() {
    let mut world = World::asleep(config(vec![listeners("ear", 1, &[EventType::Tick5], 10)]));
    world.input(Input::Started);
    world.ask("stopProcess", &["ear".into()]).unwrap();
    world.ask("removeProcessGroup", &["ear".into()]).unwrap();
    assert_eq!(world.forgotten, ["ear"]);
    assert_eq!(world.engine.due(), None);
}
