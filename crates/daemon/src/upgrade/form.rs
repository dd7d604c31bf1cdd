//! THE form of a handover: all that one daemon tells the next in the same process, as JSON.
//!
//! It is versioned: whoever changes a type in it so that what was written before is not read any more raises [`VERSION`]
//! and keeps reading the old form; tests hold a fixture of each. New fields have a default. Deliberately absent: what is
//! written to files anyway.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use engine::{CallId, Engine, Handover, ProcessId};
use model::Channel;
use serde::{Deserialize, Serialize};

use super::descriptor::{Descriptor, Taker};
use crate::control::{ChildState, SocketState, Tree};
use crate::front::{Description, Handed};
use crate::options::Options;
use crate::plane::{Going, HeldLine, HeldSink};
use crate::startup::ConfigFile;

/// The form that is written.
pub const VERSION: u32 = 1;

/// What the daemon was started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The path at which a successor is looked for.
    pub path: PathBuf,
    /// The path that was executed, as the reference shows it.
    pub program: PathBuf,
    /// The command line.
    pub options: Options,
    /// The configuration file.
    pub file: ConfigFile,
    /// The limit on descriptors that programs run with: soft and hard.
    pub files: [u64; 2],
    /// The pidfile that is to be removed at the end.
    pub pidfile: Option<PathBuf>,
    /// It keeps a state file.
    pub keeps_state: bool,
    /// The shared memory into which pipes are read.
    #[serde(default)]
    pub segment: Option<i32>,
}

/// The state of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChannelState {
    /// Whose.
    pub process: ProcessId,
    /// Which.
    pub channel: Channel,
    pipe: Option<Descriptor>,
    open: bool,
    held_back: [Vec<u8>; 2],
    grown: bool,
}

impl ChannelState {
    /// Of a channel that goes over.
    ///
    /// # Errors
    /// As `Descriptor::leave`.
    pub fn of((process, channel, going): (ProcessId, Channel, Going)) -> io::Result<Self> {
        let Going { pipe, open, held_back, grown } = going;
        Ok(Self { process, channel, pipe: pipe.map(Descriptor::leave).transpose()?, open, held_back, grown })
    }

    /// The channel.
    ///
    /// # Errors
    /// As `Taker::take`.
    pub fn take(self, taker: &mut Taker) -> io::Result<Going> {
        let Self { pipe, open, held_back, grown, .. } = self;
        Ok(Going { pipe: taker.take_if(pipe)?, open, held_back, grown })
    }
}

/// Something that was told and that the engine has not heard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Unheard {
    /// A client has gone.
    HungUp(CallId),
    /// A program wrote, and its output is an event.
    Output(ProcessId, Channel, Vec<u8>),
    /// A program wrote this between communication tokens.
    Captured(ProcessId, Channel, Vec<u8>),
}

/// Servers and clients.
#[derive(Debug, Serialize, Deserialize)]
pub struct FrontState {
    description: Description,
    descriptors: Vec<Descriptor>,
}

impl FrontState {
    /// Of a front that goes over.
    ///
    /// # Errors
    /// As `Descriptor::leave`.
    pub fn of(handed: Handed) -> io::Result<Self> {
        let Handed { description, descriptors } = handed;
        let descriptors = descriptors.into_iter().map(Descriptor::leave).collect::<io::Result<_>>()?;
        Ok(Self { description, descriptors })
    }

    /// The front.
    ///
    /// # Errors
    /// As `Taker::take`.
    pub fn take(self, taker: &mut Taker) -> io::Result<Handed> {
        let Self { description, descriptors } = self;
        let descriptors = descriptors.into_iter().map(|one| taker.take(one)).collect::<io::Result<_>>()?;
        Ok(Handed { description, descriptors })
    }
}

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parcel {
    /// The form.
    pub version: u32,
    /// The build that wrote it.
    pub from: String,
    /// What the daemon was started with.
    pub about: About,
    /// The engine's state.
    pub engine: Handover,
    /// What the daemon runs with.
    pub base: Arc<Config>,
    /// The configuration that was read last, if it is another.
    pub read: Option<Arc<Config>>,
    /// Calls that asked for the upgrade.
    pub calls: Vec<CallId>,
    /// Living children, and those whose end is still being dealt with.
    pub children: Vec<ChildState>,
    /// Those with `killmode=tree`.
    pub trees: Vec<(ProcessId, Tree)>,
    /// Sockets of FastCGI groups.
    pub sockets: Vec<SocketState>,
    /// Output of processes.
    pub channels: Vec<ChannelState>,
    /// Pipes that ended processes have left to others.
    pub leftovers: Vec<ChannelState>,
    /// What waits for sinks.
    pub sinks: Vec<HeldSink>,
    /// What waits for the system's log.
    pub syslog: Vec<HeldLine>,
    /// What the engine has not heard, in order.
    pub unheard: Vec<Unheard>,
    /// Servers and clients; there are none while the program is asked for the first time.
    pub front: Option<FrontState>,
}

/// As much as every form has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl Parcel {
    /// With the engine's state, and nothing in hand.
    #[must_use]
    pub fn new(engine: &Engine, about: About) -> Self {
        let (base, read) = engine.configurations();
        Self {
            version: VERSION,
            from: env!("CARGO_PKG_VERSION").into(),
            about,
            engine: engine.save(),
            read: (!Arc::ptr_eq(&base, &read)).then_some(read),
            base,
            calls: Vec::new(),
            children: Vec::new(),
            trees: Vec::new(),
            sockets: Vec::new(),
            channels: Vec::new(),
            leftovers: Vec::new(),
            sinks: Vec::new(),
            syslog: Vec::new(),
            unheard: Vec::new(),
            front: None,
        }
    }

    /// As text.
    ///
    /// # Errors
    /// A path is no text.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| format!("the state cannot be written down: {error}"))
    }

    /// What `encode` gave, here or in an older daemon.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn decode(text: &[u8]) -> Result<Self, String> {
        let bad = |error: serde_json::Error| format!("the handover cannot be read: {error}");
        let head: Head = serde_json::from_slice(text).map_err(bad)?;
        if head.version != VERSION {
            return Err(format!("the handover has form {}, and only form {VERSION} is known here", head.version));
        }
        serde_json::from_slice(text).map_err(bad)
    }

    /// Every descriptor in it.
    pub fn descriptors(&self) -> impl Iterator<Item = Descriptor> {
        let pipes = self.channels.iter().chain(&self.leftovers).filter_map(|channel| channel.pipe);
        let children = self.children.iter().flat_map(ChildState::descriptors);
        let sockets = self.sockets.iter().map(|socket| socket.socket);
        let front = self.front.iter().flat_map(|front| front.descriptors.iter().copied());
        pipes.chain(children).chain(sockets).chain(front)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a daemon of that form wrote it: a program that is amid a captured text, a listener, a FastCGI group.
    const FORM_1: &[u8] = include_bytes!("fixtures/handover-1.json");

    #[test]
    fn the_first_form_is_taken_up_for_ever() {
        let parcel = Parcel::decode(FORM_1).unwrap();
        assert_eq!((parcel.children.len(), parcel.trees.len(), parcel.sockets.len()), (3, 1, 1));
        let amid = parcel.channels.iter().filter(|channel| channel.held_back[0].ends_with(b"BEGIN-->half"));
        assert_eq!((parcel.channels.len(), amid.count()), (6, 1));
        assert!(parcel.descriptors().count() >= 10);
        let front = parcel.front.unwrap();
        assert_eq!(front.description.calls().collect::<Vec<_>>(), parcel.calls);
        let (base, local) = (parcel.base, crate::control::local());
        let engine = Engine::take_up(parcel.engine, Arc::clone(&base), base, local).unwrap();
        assert!(engine.ordered().is_empty() && engine.open_questions() == 0);
    }

    #[test]
    fn another_form_and_nonsense_are_refused_with_the_reason() {
        let text = String::from_utf8(FORM_1.to_vec()).unwrap();
        let other = text.replacen("\"version\":1", "\"version\":9", 1);
        let why = Parcel::decode(other.as_bytes()).unwrap_err();
        assert_eq!(why, "the handover has form 9, and only form 1 is known here");
        assert!(Parcel::decode(b"{}").unwrap_err().starts_with("the handover cannot be read: missing field `version`"));
    }
}
