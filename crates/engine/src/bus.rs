//! Events on their way: serial numbers, the pools that want them, and the queues in which they wait.
//!
//! A serial is taken only by an event that some pool accepts. Deliberately absent: sending them (that is `pool`).

use std::collections::VecDeque;
use std::sync::Arc;

use config::PoolConfig;
use model::EventType;
use serde::{Deserialize, Serialize};

use crate::input::ProcessId;

/// Something that happened and that some pool wants to hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counted over all pools, from 0.
    pub serial: u64,
    /// What.
    pub kind: EventType,
    /// The body.
    pub payload: String,
}

/// An event in one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The event, shared by the pools.
    pub event: Arc<Event>,
    /// Counted in this pool, from 0.
    pub serial: u64,
}

/// The events of one group of listeners.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: Arc<str>,
    pub(crate) config: PoolConfig,
    pub(crate) members: Vec<ProcessId>,
    /// One bit for each type of event that is wanted.
    wanted: u32,
    pub(crate) next_serial: u64,
    pub(crate) queue: VecDeque<Queued>,
    /// Events lost since the last one was sent.
    pub(crate) burst: u64,
    /// Events lost ever.
    pub(crate) lost: u64,
    /// Events that a listener has accepted.
    pub(crate) accepted: u64,
}

/// Losses of one burst that are logged one by one, before only each tenfold is.
const LOGGED_LOSSES: u64 = 20;

const fn bit(kind: EventType) -> u32 {
    1 << kind as u32
}

impl Pool {
    /// A pool without events.
    pub(crate) fn new(name: Arc<str>, config: PoolConfig, members: Vec<ProcessId>) -> Self {
        let wants = |kind: &EventType| config.events.iter().any(|subscribed| kind.is_kind_of(*subscribed));
        let wanted = EventType::ALL.iter().filter(|kind| wants(kind)).fold(0, |bits, kind| bits | bit(*kind));
        Self { name, config, members, wanted, next_serial: 0, queue: VecDeque::new(), burst: 0, lost: 0, accepted: 0 }
    }

    /// Let an event wait at the head or the tail. If the buffer is full the oldest is lost: the line for the log, if
    /// this loss is to be logged.
    pub(crate) fn accept(&mut self, queued: Queued, head: bool) -> Option<String> {
        let full = self.queue.len() >= self.config.buffer_size;
        let discarded = if full { self.queue.pop_front() } else { None };
        if head {
            self.queue.push_front(queued);
        } else {
            self.queue.push_back(queued);
        }
        let serial = discarded?.event.serial;
        self.lost += 1;
        self.burst += 1;
        let text = format!("pool {} event buffer overflowed, discarding event {serial}", self.name);
        let lost = self.burst;
        match lost {
            ..LOGGED_LOSSES => Some(text),
            _ if lost == LOGGED_LOSSES || is_power_of_ten(lost) => {
                Some(format!("{text} ({lost} since the last delivery)"))
            }
            _ => None,
        }
    }
}

const fn is_power_of_ten(mut number: u64) -> bool {
    while number >= 10 && number.is_multiple_of(10) {
        number /= 10;
    }
    number == 1
}

/// All pools, and what they have in common.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// In the order in which their groups became active.
    pub(crate) pools: Vec<Pool>,
    pub(crate) next_serial: u64,
    wanted: u32,
    /// Something has happened since the queues were last looked at that may let an event go.
    pub(crate) stirred: bool,
}

impl Bus {
    /// True if somebody wants to hear of this.
    pub(crate) const fn wants(&self, kind: EventType) -> bool {
        self.wanted & bit(kind) != 0
    }

    /// A pool that hears all events from now on.
    pub(crate) fn subscribe(&mut self, pool: Pool) {
        self.wanted |= pool.wanted;
        self.stirred |= !pool.queue.is_empty();
        self.pools.push(pool);
    }

    /// The pool of this name hears no more, and the events that waited for it are gone.
    pub(crate) fn unsubscribe(&mut self, name: &str) {
        self.pools.retain(|pool| &*pool.name != name);
        self.wanted = self.pools.iter().fold(0, |bits, pool| bits | pool.wanted);
    }

    /// Number an event and give it to the pools that want it; the lines for the log.
    pub(crate) fn publish(&mut self, kind: EventType, payload: String) -> Vec<String> {
        let event = Arc::new(Event { serial: self.next_serial, kind, payload });
        self.next_serial += 1;
        self.stirred = true;
        let mut lines = Vec::new();
        for pool in self.pools.iter_mut().filter(|pool| pool.wanted & bit(kind) != 0) {
            let queued = Queued { event: Arc::clone(&event), serial: pool.next_serial };
            pool.next_serial += 1;
            lines.extend(pool.accept(queued, false));
        }
        lines
    }

    /// The pool of this name.
    pub(crate) fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| &*pool.name == name)
    }
}
