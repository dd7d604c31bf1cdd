//! THE event table: every event type, its name on the wire and its place in the inheritance.
//!
//! To add an event type, add a row to `events!` and one `raise` where it happens. Payloads are made where the facts are,
//! in the engine.

use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $name:literal $(: $parent:ident)?, $abstract:literal;)*) => {
        /// A type of event (Supervisor manual, «Event Types»).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum EventType { $($(#[$doc])* $variant,)* }

        impl EventType {
            /// All types, parents before children.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in `events=` and in an event's header.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The type it is a kind of.
            #[must_use]
            pub const fn parent(self) -> Option<Self> {
                match self { $(Self::$variant => events!(@parent $($parent)?),)* }
            }

            /// Only its kinds are ever sent.
            #[must_use]
            pub const fn is_abstract(self) -> bool {
                match self { $(Self::$variant => $abstract,)* }
            }
        }
    };
    (@parent) => { None };
    (@parent $parent:ident) => { Some(Self::$parent) };
}

events! {
    /// Every event.
    Event "EVENT", true;
    /// Every change of a process' state.
    ProcessState "PROCESS_STATE": Event, true;
    /// It was stopped.
    ProcessStateStopped "PROCESS_STATE_STOPPED": ProcessState, false;
    /// It ended by itself.
    ProcessStateExited "PROCESS_STATE_EXITED": ProcessState, false;
    /// It is being started.
    ProcessStateStarting "PROCESS_STATE_STARTING": ProcessState, false;
    /// It is being stopped.
    ProcessStateStopping "PROCESS_STATE_STOPPING": ProcessState, false;
    /// It did not stay up, and will be tried again.
    ProcessStateBackoff "PROCESS_STATE_BACKOFF": ProcessState, false;
    /// It did not stay up, and will not be tried again.
    ProcessStateFatal "PROCESS_STATE_FATAL": ProcessState, false;
    /// It has stayed up for `startsecs`.
    ProcessStateRunning "PROCESS_STATE_RUNNING": ProcessState, false;
    /// Nobody knows.
    ProcessStateUnknown "PROCESS_STATE_UNKNOWN": ProcessState, false;
    /// Text between the communication tokens.
    ProcessCommunication "PROCESS_COMMUNICATION": Event, true;
    /// … on stdout.
    ProcessCommunicationStdout "PROCESS_COMMUNICATION_STDOUT": ProcessCommunication, false;
    /// … on stderr.
    ProcessCommunicationStderr "PROCESS_COMMUNICATION_STDERR": ProcessCommunication, false;
    /// Output of a program with `…_events_enabled`.
    ProcessLog "PROCESS_LOG": Event, true;
    /// … on stdout.
    ProcessLogStdout "PROCESS_LOG_STDOUT": ProcessLog, false;
    /// … on stderr.
    ProcessLogStderr "PROCESS_LOG_STDERR": ProcessLog, false;
    /// Sent by a client (`sendRemoteCommEvent`).
    RemoteCommunication "REMOTE_COMMUNICATION": Event, false;
    /// The daemon's own state.
    SupervisorStateChange "SUPERVISOR_STATE_CHANGE": Event, true;
    /// It has started.
    SupervisorStateChangeRunning "SUPERVISOR_STATE_CHANGE_RUNNING": SupervisorStateChange, false;
    /// It begins to stop.
    SupervisorStateChangeStopping "SUPERVISOR_STATE_CHANGE_STOPPING": SupervisorStateChange, false;
    /// The passing of time.
    Tick "TICK": Event, true;
    /// Every 5 seconds.
    Tick5 "TICK_5": Tick, false;
    /// Every minute.
    Tick60 "TICK_60": Tick, false;
    /// Every hour.
    Tick3600 "TICK_3600": Tick, false;
    /// Groups that come and go.
    ProcessGroup "PROCESS_GROUP": Event, true;
    /// A group was added.
    ProcessGroupAdded "PROCESS_GROUP_ADDED": ProcessGroup, false;
    /// A group was removed.
    ProcessGroupRemoved "PROCESS_GROUP_REMOVED": ProcessGroup, false;
}

impl EventType {
    /// The type with this name, in upper case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.name() == name)
    }

    /// True if it is `other` or a kind of it.
    #[must_use]
    pub fn is_kind_of(self, other: Self) -> bool {
        let mut at = Some(self);
        while let Some(event) = at {
            if event == other {
                return true;
            }
            at = event.parent();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::EventType;

    #[test]
    fn names_are_unique_and_begin_with_the_parents_name() {
        for (index, event) in EventType::ALL.iter().enumerate() {
            assert_eq!(EventType::from_name(event.name()), Some(*event));
            assert!(EventType::ALL[..index].iter().all(|other| other.name() != event.name()));
            if let Some(parent) = event.parent().filter(|parent| *parent != EventType::Event) {
                assert!(event.name().starts_with(parent.name()));
            }
        }
    }

    #[test]
    fn a_subscription_to_an_abstract_type_covers_its_kinds() {
        assert!(EventType::Tick5.is_kind_of(EventType::Tick) && EventType::Tick5.is_kind_of(EventType::Event));
        assert!(!EventType::Tick5.is_kind_of(EventType::Tick60) && !EventType::Tick.is_kind_of(EventType::Tick5));
    }
}
