//! The faults of the XML-RPC interface: code, name, and what they were about.

use serde::{Deserialize, Serialize};

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal,)*) => {
        /// A fault's code (Supervisor manual, «XML-RPC API»; the names are part of the contract).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FaultCode { $($(#[$doc])* $variant,)* }

        impl FaultCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> i64 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name at the beginning of the fault's text.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// No such method.
    UnknownMethod = 1 "UNKNOWN_METHOD",
    /// Wrong number or types of parameters.
    IncorrectParameters = 2 "INCORRECT_PARAMETERS",
    /// Values that make no sense together.
    BadArguments = 3 "BAD_ARGUMENTS",
    /// `system.methodSignature` of a method that has none.
    SignatureUnsupported = 4 "SIGNATURE_UNSUPPORTED",
    /// The daemon is shutting down or restarting.
    ShutdownState = 6 "SHUTDOWN_STATE",
    /// No such process or group.
    BadName = 10 "BAD_NAME",
    /// No such signal.
    BadSignal = 11 "BAD_SIGNAL",
    /// The file is missing.
    NoFile = 20 "NO_FILE",
    /// The file cannot be run.
    NotExecutable = 21 "NOT_EXECUTABLE",
    /// It was tried and did not work.
    Failed = 30 "FAILED",
    /// The process ended in an unexpected way.
    AbnormalTermination = 40 "ABNORMAL_TERMINATION",
    /// The process could not be spawned, or ended before `startsecs`.
    SpawnError = 50 "SPAWN_ERROR",
    /// It runs already.
    AlreadyStarted = 60 "ALREADY_STARTED",
    /// It does not run.
    NotRunning = 70 "NOT_RUNNING",
    /// No fault: the status of one success among the results of a group.
    Success = 80 "SUCCESS",
    /// The group is active already.
    AlreadyAdded = 90 "ALREADY_ADDED",
    /// The group has processes that run.
    StillRunning = 91 "STILL_RUNNING",
    /// The configuration could not be read again.
    CantReread = 92 "CANT_REREAD",
}

impl FaultCode {
    /// The code with this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// A fault as a client sees it: `BAD_NAME: web`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which.
    pub code: FaultCode,
    /// The whole text.
    pub text: String,
}

impl Fault {
    /// The bare fault: its text is its name.
    #[must_use]
    pub fn bare(code: FaultCode) -> Self {
        Self { code, text: code.name().into() }
    }

    /// The fault and what it was about: `NAME: extra`.
    #[must_use]
    pub fn about(code: FaultCode, extra: impl std::fmt::Display) -> Self {
        Self { code, text: format!("{}: {extra}", code.name()) }
    }
}
