//! Control: the one loop that owns the engine. It takes facts from the kernel, the plane and the front, has the engine
//! decide, and has the world do what was decided.
//!
//! It sleeps in epoll until something happens or the engine's next deadline; nothing ticks. Deliberately absent: log files
//! and clients' sockets, which can stall, and all decisions.

mod adopting;
mod autolog;
mod children;
mod errands;
mod handing;
mod launching;
mod office;
mod replies;
mod sockets;
mod spawning;
mod stdin;
mod talking;
mod tree;
mod upgrading;
mod walk;
mod world;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use config::Config;
use engine::{Action, Engine, Input};
use model::{Level, SupervisorState, limits};
use sys::clock;
use sys::poll::Event;
use sys::scheduling;

pub use adopting::restore;
pub use autolog::{AutoLogPlace, make as make_autologs, remove_old as remove_old_autologs};
pub use handing::{ChildState, SocketState};
pub use office::Reader;
pub use tree::{Tree, URL, url_of};
pub use walk::{Task, Walk};
pub use world::{Setup, World};

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything has stopped: to end, or to begin anew.
    Stopped(SupervisorState),
    /// Nothing has stopped: another program goes on in this process.
    HandOver,
}

/// Runs until everything has stopped or another program is to go on, and leaves the world to be taken down. `first` is the
/// engine's first input.
///
/// # Errors
/// epoll no longer works, which is known to happen only for want of memory.
pub fn run(world: &mut World, engine: &mut Engine, first: Input) -> io::Result<End> {
    // A hundred programs that start at once all want a processor; so does who asks meanwhile.
    scheduling::answer_soon();
    let mut actions = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    world.inputs.push_front(first);
    loop {
        while let Some(input) = world.inputs.pop_front() {
            step(world, engine, input, &mut actions);
        }
        actions.shrink_to(limits::ROOM_KEPT);
        world.started = true;
        world.note(engine);
        world.close_idle_sockets(engine);
        if let Some(mood) = world.finished {
            world.replies.all();
            return Ok(End::Stopped(mood));
        }
        if world.hands_over(engine) {
            return Ok(End::HandOver);
        }
        let due = engine.due();
        if world.start_one() || !world.inputs.is_empty() {
            world.poll.look(&mut events)?;
        } else {
            let wake = [due, world.replies.due(), world.errands.due(), world.upgrade_due()].into_iter().flatten().min();
            world.poll.wait(wake, &mut events)?;
        }
        for event in &events {
            world.happened(*event);
        }
        let now = clock::now();
        world.replies.late(now);
        world.errands.hurry(now);
        if due.is_some_and(|due| due <= now) {
            world.inputs.push_back(Input::Due);
        }
    }
}

/// One fact, and what follows from it. A panic of the engine ends neither the daemon nor its programs.
fn step(world: &mut World, engine: &mut Engine, input: Input, actions: &mut Vec<Action>) {
    actions.clear();
    let handled = catch_unwind(AssertUnwindSafe(|| engine.handle(clock::now(), clock::wall(), input, actions)));
    if handled.is_err() {
        world.log(Level::Critical, "a rule of the engine panicked; what it had decided so far is done".into());
    }
    for action in actions.drain(..) {
        world.act(action);
    }
}

/// What the engine is made with.
#[must_use]
pub fn engine_for(config: Arc<Config>) -> Engine {
    Engine::new(config, local())
}

/// What the engine must know of the place.
pub fn local() -> engine::Local {
    engine::Local { pid: std::process::id(), time: world::local_time }
}
