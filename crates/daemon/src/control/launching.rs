//! The way of a start from the engine's order to a child: its plan, its sinks, the fork, and who gets its pipes.
//!
//! Starts are made in the order in which they were ordered, and those that fail are told in it. Deliberately absent: what a
//! plan is made of (that is `office`), pipes and fork themselves (that is `spawning`).

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;

use engine::{Input, ProcessId, SpawnError, SpawnOrder};
use model::{Level, limits};
use sys::limits::{Resource, get};
use sys::memory;
use sys::poll::Interest;

use super::children::{self, Child, Watched};
use super::office::{Errand, Planned};
use super::sockets::Found;
use super::spawning::{self, Fresh, Launch, Pending};
use super::stdin::Stdin;
use super::world::World;
use crate::plane::Order;

/// Starts that are planned ahead at most: a plan is large, and what lies between plans that are gone is lost memory.
const PLANS: usize = 64;
/// One for so many descriptors at most: each has its sinks open before its pipes are made, and where descriptors are few all
/// would have sinks and none would get pipes.
const DESCRIPTORS_EACH: u64 = 16;

/// After so many starts the plans of children have left a heap full of holes behind.
const BURST: usize = 200;

/// The starts under way.
#[derive(Debug, Default)]
pub struct Launching {
    /// Those that nobody plans yet,
    orders: VecDeque<Box<SpawnOrder>>,
    /// and how many are planned and not made.
    plans: usize,
    pending: HashMap<ProcessId, Pending>,
    /// Those that are planned or have failed, in order.
    ahead: VecDeque<Launch>,
    /// Those whose sinks are open, or not to be had.
    opened: VecDeque<(ProcessId, Result<(), String>)>,
    /// Starts since memory was last given back.
    starts: usize,
    /// Children may have left what they began with.
    littered: bool,
}

impl Launching {
    /// The plane has opened the sinks of a process, or cannot.
    pub fn opened(&mut self, process: ProcessId, result: Result<(), String>) {
        self.opened.push_back((process, result));
    }

    /// Nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        let waits = [self.orders.is_empty(), self.pending.is_empty(), self.ahead.is_empty(), self.opened.is_empty()];
        self.plans == 0 && waits.iter().all(|is_empty| *is_empty)
    }
}

impl World {
    /// Starts a process, after those that were ordered before it.
    pub(super) fn launch(&mut self, order: Box<SpawnOrder>) {
        self.launching.orders.push_back(order);
        self.plan();
    }

    /// A plan is made, or it is known why there can be none.
    pub(super) fn planned(&mut self, order: Box<SpawnOrder>, result: Result<Planned, SpawnError>) {
        match result {
            Ok(planned) => self.open_sinks(Pending { order, planned }),
            Err(error) => {
                self.launching.ahead.push_back(Launch::Failed(order.process, error));
                self.launching.plans = self.launching.plans.saturating_sub(1);
            }
        }
    }

    /// After some plans: tells of those that failed, and has others made.
    pub(super) fn go_on_launching(&mut self) {
        self.tell_failures();
        self.plan();
    }

    fn plan(&mut self) {
        let files = get(Resource::Files).soft / DESCRIPTORS_EACH;
        let most = usize::try_from(files).unwrap_or(PLANS).clamp(1, PLANS);
        while self.launching.plans < most {
            let Some(order) = self.launching.orders.pop_front() else { return };
            self.launching.plans += 1;
            let socket = self.sockets.wanted(&order);
            self.errands.run(Errand::Plan(order, socket));
        }
    }

    /// A start that failed is told after those before it, as if they were made one after another.
    fn tell_failures(&mut self) {
        while let Some(Launch::Failed(..)) = self.launching.ahead.front() {
            if let Some(Launch::Failed(process, error)) = self.launching.ahead.pop_front() {
                self.inputs.push_back(Input::SpawnFailed { process, error });
            }
        }
    }

    fn open_sinks(&mut self, pending: Pending) {
        let order = &pending.order;
        let (process, name) = (order.process, order.config.name.as_str().into());
        self.plane.orders.send(Order::Open { process, name, channels: spawning::channels(order) });
        self.launching.pending.insert(process, pending);
        self.launching.ahead.push_back(Launch::Opening(process));
    }

    /// Makes one of the children that can be made now; true if there are more. A fork takes a millisecond on a busy
    /// machine, so whoever asks meanwhile is heard between two of them.
    pub(super) fn start_one(&mut self) -> bool {
        let Some((process, result)) = self.launching.opened.pop_front() else {
            self.tidy_up();
            return false;
        };
        self.start(process, result);
        self.launching.starts += 1;
        self.launching.littered = true;
        if self.launching.starts >= BURST && self.launching.is_at_rest() {
            self.give_back();
        }
        !self.launching.opened.is_empty()
    }

    /// The last children are still at their desks when the last start is made: whatever happens next is time enough.
    fn tidy_up(&mut self) {
        if self.launching.littered && self.launching.is_at_rest() {
            self.launching.littered = !sys::spawn::clear_desks();
        }
    }

    fn give_back(&mut self) {
        self.inputs.shrink_to(limits::ROOM_KEPT);
        self.launching = Launching { littered: true, ..Launching::default() };
        memory::trim();
    }

    fn start(&mut self, process: ProcessId, result: Result<(), String>) {
        let Some(Pending { order, planned: Planned { plan, refused, address } }) =
            self.launching.pending.remove(&process)
        else {
            return;
        };
        self.launching.plans = self.launching.plans.saturating_sub(1);
        self.plan();
        self.prepare_tree(&order, refused);
        let spawned = result
            .map_err(|errno| SpawnError::Other(spawning::no_dispatchers(&order.config.name, &errno)))
            .and_then(|()| self.socket(&order, address))
            .and_then(|socket| spawning::spawn(&order, &plan, socket));
        let input = match spawned {
            Ok(fresh) => {
                let pid = fresh.pid;
                self.plant_tree(&order, pid, plan.cgroup().map(Path::to_path_buf));
                self.attach(&order, fresh);
                Input::Spawned { process, pid }
            }
            Err(error) => {
                if let Some(group) = plan.cgroup() {
                    sys::cgroup::remove(group);
                }
                // The sinks need not stay open. The engine does not mind a `Drained` that it has not asked for.
                self.draining += 1;
                self.plane.orders.send(Order::Drain { process });
                Input::SpawnFailed { process, error }
            }
        };
        self.inputs.push_back(input);
        // The plane opens in the order in which it was told: this is the first.
        if let Some(place) = self.launching.ahead.iter().position(|launch| *launch == Launch::Opening(process)) {
            self.launching.ahead.remove(place);
        }
        self.tell_failures();
    }

    /// The stdin of a FastCGI program.
    fn socket(&mut self, order: &SpawnOrder, address: Option<Found>) -> Result<Option<OwnedFd>, SpawnError> {
        let Some(config) = &order.socket else { return Ok(None) };
        let (socket, line) = self.sockets.get(&order.group, config, address).map_err(SpawnError::Other)?;
        if let Some(line) = line {
            self.log(Level::Info, line);
        }
        Ok(Some(socket))
    }

    fn attach(&mut self, order: &SpawnOrder, fresh: Fresh) {
        let process = order.process;
        let kept = fresh.kept();
        let stdin = Stdin::new(fresh.stdin, children::token(process, Watched::Stdin));
        let (said, stdout) = if order.listener { (Some(fresh.stdout), None) } else { (None, Some(fresh.stdout)) };
        if let Some(said) = &said {
            let watched = self.poll.add(said, children::token(process, Watched::Listener), Interest::Read);
            if let Err(error) = watched {
                self.log(Level::Critical, format!("cannot listen to '{}': {error}", order.config.name));
            }
        }
        let copied = said.is_some() && order.logs[0].is_some();
        self.children.insert(process, Child { pid: fresh.pid, kept, end: None, stdin, said, copied });
        self.plane.orders.send(Order::Attach { process, pid: fresh.pid, pipes: [stdout, fresh.stderr] });
    }
}
