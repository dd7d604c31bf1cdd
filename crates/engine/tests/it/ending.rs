//! What follows an end for good: nothing, another try after a pause that grows, or the end of the daemon.

use config::{Autorestart, Ending};
use model::SupervisorState;

use crate::config_of::{config, program};
use crate::world::World;

#[test]
fn on_exit_restart_tries_again_after_pauses_that_grow_to_a_bound() {
    let mut world = World::new(config(vec![program("p", |p| {
        (p.startsecs, p.autorestart, p.on_exit) = (0, Autorestart::Never, Ending::Restart);
    })]));
    for pause in [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0] {
        world.dies("p", 3);
        assert_eq!(world.state("p"), "EXITED");
        world.pass(pause - 0.001);
        assert_eq!(world.state("p"), "EXITED");
        world.pass(0.001);
        assert_eq!(world.state("p"), "RUNNING", "after {pause}");
    }
    world.pass(300.0);
    world.dies("p", 3);
    world.pass(10.0);
    assert_eq!(world.state("p"), "RUNNING", "a long life makes the pauses short again");
}

#[test]
fn on_fatal_restart_tries_again_also_after_a_handover() {
    let set = config(vec![program("p", |p| (p.startretries, p.on_fatal) = (0, Ending::Restart))]);
    let mut world = World::new(set.clone());
    world.dies("p", 1);
    assert_eq!(world.state("p"), "FATAL");
    world.hand_over(set);
    world.pass(9.999);
    assert_eq!(world.state("p"), "FATAL");
    world.pass(0.001);
    assert_eq!(world.state("p"), "STARTING");
}

#[test]
fn the_daemon_shuts_down_with_the_status_of_the_first_program_that_asks_for_it() {
    let essential = |p: &mut config::ProcessConfig| {
        (p.startsecs, p.autorestart, p.on_exit) = (0, Autorestart::Never, Ending::Shutdown);
    };
    let mut world = World::new(config(vec![program("p", essential), program("q", essential)]));
    world.dies("p", 7);
    assert_eq!(world.finished, Some(SupervisorState::Shutdown));
    assert_eq!(world.engine.exit_status(), 7);
}
