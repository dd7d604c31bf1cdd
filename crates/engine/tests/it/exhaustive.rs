//! Every sequence of things that can happen to one program, up to a length: whatever comes when, no child is lost, none is
//! doubled, states follow each other as the manual allows, and whoever waits is answered.

use std::collections::BTreeSet;

use config::Autorestart;
use engine::{CallId, Input};
use model::{EventType, Signal};

use crate::config_of::{config, listeners, program};
use crate::world::{Hold, World, critical};

/// One thing that can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    Stop,
    Signal,
    /// The child that was ordered is there.
    Spawned,
    /// It is not.
    SpawnFailed,
    Dies(u8),
    Drained,
    /// The next deadline passes.
    Due,
    HangUp,
    Shutdown,
}

const STEPS: [Step; 11] = [
    Step::Start,
    Step::Stop,
    Step::Signal,
    Step::Spawned,
    Step::SpawnFailed,
    Step::Dies(0),
    Step::Dies(1),
    Step::Drained,
    Step::Due,
    Step::HangUp,
    Step::Shutdown,
];

/// The changes of state that the manual draws, and those of a supervisor that lost track.
const ALLOWED: [(&str, &str); 17] = [
    ("STOPPED", "STARTING"),
    ("STARTING", "RUNNING"),
    ("STARTING", "BACKOFF"),
    ("STARTING", "STOPPING"),
    ("BACKOFF", "STARTING"),
    ("BACKOFF", "FATAL"),
    ("BACKOFF", "STOPPED"),
    ("RUNNING", "STOPPING"),
    ("RUNNING", "EXITED"),
    ("STOPPING", "STOPPED"),
    ("EXITED", "STARTING"),
    ("FATAL", "STARTING"),
    ("STARTING", "UNKNOWN"),
    ("RUNNING", "UNKNOWN"),
    ("STOPPING", "UNKNOWN"),
    ("BACKOFF", "UNKNOWN"),
    ("UNKNOWN", "STOPPED"),
];

struct Run {
    world: World,
    calls: Vec<CallId>,
    gone: BTreeSet<CallId>,
}

impl Run {
    fn new(startsecs: i64) -> Self {
        let p = program("p", |p| {
            (p.startsecs, p.startretries, p.stopwaitsecs) = (startsecs, 1, 2);
            p.autorestart = Autorestart::Always;
        });
        let mut world = World::asleep(config(vec![listeners("ear", 1, &[EventType::ProcessState], 1000), p]));
        world.ears.insert("ear".into());
        world.stubborn.insert("p".into());
        world.input(Input::Started);
        world.hold.extend([Hold::Spawn, Hold::Drain]);
        // The first start was answered at once; the rest is up to the sequence.
        Self { world, calls: Vec::new(), gone: BTreeSet::new() }
    }

    /// Do a step; false if it cannot happen now.
    fn step(&mut self, step: Step) -> bool {
        let world = &mut self.world;
        match step {
            Step::Start => self.calls.push(world.call("supervisor.startProcess", &["p".into()])),
            Step::Stop => self.calls.push(world.call("supervisor.stopProcess", &["p".into()])),
            Step::Signal => self.calls.push(world.call("supervisor.signalProcess", &["p".into(), "HUP".into()])),
            Step::Spawned | Step::SpawnFailed => return self.answer_spawn(matches!(step, Step::Spawned)),
            Step::Dies(status) => {
                if !world.children.contains_key("p") || self.held(Hold::Spawn).is_some() {
                    return false;
                }
                self.world.dies("p", status);
            }
            Step::Drained => {
                let Some(index) = self.held(Hold::Drain) else { return false };
                let input = self.world.held.remove(index);
                self.world.input(input);
            }
            Step::Due => {
                let Some(due) = world.engine.due() else { return false };
                world.now = due.max(world.now);
                world.input(Input::Due);
            }
            Step::HangUp => {
                let waiting = self.calls.iter().copied().find(|call| world.waits(*call) && !self.gone.contains(call));
                let Some(call) = waiting else { return false };
                self.gone.insert(call);
                world.input(Input::HungUp { call });
            }
            Step::Shutdown => {
                if world.finished.is_some() {
                    return false;
                }
                world.exit_signal(Signal::TERM);
            }
        }
        true
    }

    fn held(&self, hold: Hold) -> Option<usize> {
        self.world.held.iter().position(|input| match input {
            Input::Spawned { .. } | Input::SpawnFailed { .. } => hold == Hold::Spawn,
            _ => hold == Hold::Drain,
        })
    }

    fn answer_spawn(&mut self, well: bool) -> bool {
        let Some(index) = self.held(Hold::Spawn) else { return false };
        let mut input = self.world.held.remove(index);
        if let (Input::Spawned { process, .. }, false) = (&input, well) {
            self.world.children.remove("p");
            let error = engine::SpawnError::Other("no".into());
            input = Input::SpawnFailed { process: *process, error };
        }
        self.world.input(input);
        true
    }

    /// Whatever has happened, everything comes to an end.
    fn settle(mut self, trace: &[Step]) {
        self.world.hold.clear();
        while !self.world.held.is_empty() {
            let input = self.world.held.remove(0);
            self.world.input(input);
        }
        // The world keeps children alive (they are stubborn), so that a start succeeds and a stop takes SIGKILL.
        self.world.pass(30.0);
        for call in self.calls.iter().filter(|call| !self.gone.contains(call)) {
            assert!(!self.world.waits(*call), "{call:?} is not answered after {trace:?}");
        }
        for call in &self.gone {
            assert!(self.world.waits(*call), "{call:?} was answered after its client had gone: {trace:?}");
        }
        assert!(critical(&self.world).is_empty(), "{:?} after {trace:?}", self.world.log);
        let alive = self.world.children.contains_key("p");
        if self.world.engine.mood() == model::SupervisorState::Running {
            let state = self.world.state("p");
            assert_eq!(alive, state == "RUNNING", "{state} after {trace:?}");
        } else {
            assert!(self.world.finished.is_some() && !alive, "not finished after {trace:?}");
        }
        self.check_events(trace);
    }

    fn check_events(&self, trace: &[Step]) {
        let mut last = "STOPPED".to_owned();
        for event in self.world.events("p") {
            let mut words = event.split(' ');
            let (to, from) = (words.next().unwrap(), words.next().unwrap());
            assert_eq!(from, last, "a gap in {:?} after {trace:?}", self.world.events("p"));
            assert!(ALLOWED.contains(&(from, to)), "{from} to {to} after {trace:?}");
            last = to.to_owned();
        }
    }
}

/// Go through all sequences that begin with `trace`.
fn explore(startsecs: i64, trace: &mut Vec<Step>, depth: usize, runs: &mut usize) {
    if depth == 0 {
        return;
    }
    for step in STEPS {
        trace.push(step);
        let mut run = Run::new(startsecs);
        // What went before was possible, or this sequence would not have been begun.
        if trace.iter().all(|step| run.step(*step)) {
            *runs += 1;
            run.settle(trace);
            explore(startsecs, trace, depth - 1, runs);
        }
        trace.pop();
    }
}

#[test]
fn every_sequence_of_events_leaves_one_child_at_most_and_every_call_answered() {
    let depth = std::env::var("ENGINE_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(5);
    for startsecs in [0, 1] {
        let mut runs = 0;
        explore(startsecs, &mut Vec::new(), depth, &mut runs);
        assert!(runs > 1000, "only {runs} sequences were possible");
    }
}
