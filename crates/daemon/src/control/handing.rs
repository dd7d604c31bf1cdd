//! The handing over itself: everything that control, the plane and the front have in hand goes into a parcel, and comes out
//! of it in the successor.
//!
//! Deliberately absent: the moment (that is `upgrading`), and the change of programs (that is `upgrade`).

use std::collections::BTreeMap;
use std::io;

use config::SocketConfig;
use engine::{Engine, Input, ProcessId};
use model::{Channel, Level};
use serde::{Deserialize, Serialize};
use sys::poll::Interest;

use super::children::{self, Child, Watched};
use super::spawning;
use super::stdin::Stdin;
use super::world::World;
use crate::front::ClientEvent;
use crate::plane::{Going, Order, Report};
use crate::survive::Kept;
use crate::upgrade::{ChannelState, Descriptor, FrontState, Parcel, Taker, Unheard};

/// A child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChildState {
    process: ProcessId,
    kept: Kept,
    end: Option<Descriptor>,
    stdin: Option<Descriptor>,
    /// Bytes that wait for its stdin.
    waiting: Vec<u8>,
    said: Option<Descriptor>,
    copied: bool,
}

impl ChildState {
    fn of((process, child): (ProcessId, Child)) -> io::Result<Self> {
        let Child { pid: _, kept, end, stdin, said, copied } = child;
        let (stdin, waiting) = stdin.go();
        Ok(Self {
            process,
            kept,
            end: end.map(Descriptor::leave).transpose()?,
            stdin: stdin.map(Descriptor::leave).transpose()?,
            waiting,
            said: said.map(Descriptor::leave).transpose()?,
            copied,
        })
    }

    /// Its descriptors.
    pub fn descriptors(&self) -> impl Iterator<Item = Descriptor> {
        [self.end, self.stdin, self.said].into_iter().flatten()
    }
}

/// The socket of a FastCGI group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SocketState {
    group: String,
    config: SocketConfig,
    /// The socket.
    pub socket: Descriptor,
    file: Option<(u64, u64)>,
}

/// The output of a process.
#[derive(Default)]
struct Output {
    states: [Option<Going>; 2],
    leftovers: Vec<(Channel, Going)>,
}

/// What a client has said since the front came to rest.
fn unheard(event: ClientEvent) -> Option<Unheard> {
    match event {
        ClientEvent::HungUp { call } => Some(Unheard::HungUp(call)),
        // At rest nobody asks.
        ClientEvent::Called { .. } | ClientEvent::Waits { .. } | ClientEvent::Paused => None,
    }
}

fn unheard_report(report: Report) -> Option<Unheard> {
    match report {
        Report::Output { process, channel, data } => Some(Unheard::Output(process, channel, data)),
        Report::Captured { process, channel, data } => Some(Unheard::Captured(process, channel, data)),
        // At rest nobody waits for any other.
        _ => None,
    }
}

fn fact(unheard: Unheard) -> Input {
    match unheard {
        Unheard::HungUp(call) => Input::HungUp { call },
        Unheard::Output(process, channel, data) => Input::Output { process, channel, data },
        Unheard::Captured(process, channel, data) => Input::Captured { process, channel, data },
    }
}

impl World {
    /// Takes everything down that the successor takes up: the parcel holds it. Signals stay blocked and wait for it.
    ///
    /// # Errors
    /// None that are known.
    pub fn hand_over(mut self, engine: &Engine) -> io::Result<Parcel> {
        let mut parcel = Parcel::new(engine, self.about.clone());
        parcel.calls = self.upgrade_calls();
        self.replies.all();
        parcel.front = self.front.take().map(|front| FrontState::of(front.hand_over()?)).transpose()?;
        let asked = self.clients.take().into_iter().filter_map(unheard);
        if let Some(keeper) = self.keeper.take() {
            keeper.leave();
        }
        let (held, reports) = self.plane.hand_over();
        parcel.unheard = reports.into_iter().filter_map(unheard_report).chain(asked).collect();
        parcel.channels = held.channels.into_iter().map(ChannelState::of).collect::<io::Result<_>>()?;
        parcel.leftovers = held.leftovers.into_iter().map(ChannelState::of).collect::<io::Result<_>>()?;
        (parcel.sinks, parcel.syslog) = (held.sinks, held.syslog);
        parcel.children = self.children.drain().map(ChildState::of).collect::<io::Result<_>>()?;
        parcel.trees = self.trees.all().map(|(process, tree)| (process, tree.clone())).collect();
        let sockets = self.sockets.go().map(|(group, config, socket, file)| {
            Ok(SocketState { group, config, socket: Descriptor::leave(socket)?, file })
        });
        parcel.sockets = sockets.collect::<io::Result<_>>()?;
        Ok(parcel)
    }

    /// Takes up what another world of this process has handed over; the front has done so already. Nothing of it is told
    /// to the engine before its first input.
    ///
    /// # Errors
    /// A descriptor is not the one that was left.
    pub fn take_up(&mut self, parcel: Parcel, engine: &Engine, taker: &mut Taker) -> io::Result<()> {
        self.started = true;
        for child in parcel.children {
            self.take_up_child(child, taker)?;
        }
        self.trees.take_up(parcel.trees);
        for SocketState { group, config, socket, file } in parcel.sockets {
            self.sockets.take_up(group, config, taker.take(socket)?, file);
        }
        // What waits for a sink was written before all that is in the pipes, which are read from the next order on.
        self.plane.orders.send(Order::Resume { sinks: parcel.sinks, syslog: parcel.syslog });
        self.take_up_output(engine, parcel.channels, parcel.leftovers, taker)?;
        for order in engine.ordered() {
            self.order_child(order);
        }
        self.inputs.extend(parcel.unheard.into_iter().map(fact));
        // Those that ended meanwhile: whether their signal is still on the way is not asked.
        self.reap();
        self.look_after_trees();
        Ok(())
    }

    fn take_up_child(&mut self, state: ChildState, taker: &mut Taker) -> io::Result<()> {
        let ChildState { process, kept, end, stdin, waiting, said, copied } = state;
        let (end, said) = (taker.take_if(end)?, taker.take_if(said)?);
        let mut stdin = Stdin::resume(taker.take_if(stdin)?, children::token(process, Watched::Stdin), waiting);
        // A child that has closed it is found out as ever.
        let _ = stdin.flush(&self.poll);
        for (fd, watched) in [(&end, Watched::End), (&said, Watched::Listener)] {
            let Some(fd) = fd else { continue };
            if let Err(error) = self.poll.add(fd, children::token(process, watched), Interest::Read) {
                self.log(Level::Critical, format!("cannot watch pid {}: {error}", kept.pid));
            }
        }
        self.children.insert(process, Child { pid: kept.pid, kept, end, stdin, said, copied });
        Ok(())
    }

    fn take_up_output(
        &mut self,
        engine: &Engine,
        channels: Vec<ChannelState>,
        leftovers: Vec<ChannelState>,
        taker: &mut Taker,
    ) -> io::Result<()> {
        let mut all: BTreeMap<ProcessId, Output> = BTreeMap::new();
        for state in channels {
            let (process, place) = (state.process, usize::from(state.channel == Channel::Stderr));
            if let Some(slot) = all.entry(process).or_default().states.get_mut(place) {
                *slot = Some(state.take(taker)?);
            }
        }
        for state in leftovers {
            let (process, channel) = (state.process, state.channel);
            all.entry(process).or_default().leftovers.push((channel, state.take(taker)?));
        }
        for (process, Output { states, leftovers }) in all {
            let Some(order) = engine.order_of(process) else { continue };
            let (name, channels) = (order.config.name.as_str().into(), spawning::channels(&order));
            self.plane.orders.send(Order::TakeUp { process, name, channels, states, leftovers });
        }
        Ok(())
    }
}
