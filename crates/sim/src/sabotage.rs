//! Worlds that are broken on purpose, each in one way that one check must see: a check that cannot fail is none.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A start is carried out twice.
    SecondCopy,
    /// A fork makes two children.
    TwoChildren,
    /// A child that lives is told as a failed start.
    HiddenChild,
    /// A start is never carried out, and nobody says so.
    LostOrder,
    /// The end of a child is never told.
    SilentDeath,
    /// Every reply is given twice.
    TwoReplies,
    /// Now and then a reply is dropped.
    LostReply,
    /// An upgrade drops an event that waits.
    LostEvent,
    /// An upgrade puts more events into a queue than it may hold.
    FullQueue,
    /// Listeners get events without their header.
    NoHeader,
    /// The end of a program with `killmode=tree` is told before that of its descendants.
    ShortTree,
    /// Stop signals that are meant for all reach the program alone.
    LoneSignal,
    /// After an upgrade a stopped program is FATAL.
    BadState,
    /// An upgrade forgets how often a start was tried.
    ChangedState,
    /// An upgrade forgets the calls that wait.
    LostCalls,
    /// After an upgrade a program that is stopping is RUNNING.
    EndlessWait,
    /// The world looks at deadlines ten seconds late.
    LateTimer,
    /// Deadlines follow the wall clock.
    WallTimer,
    /// A deadline is always now.
    BusyLoop,
    /// SIGKILL does nothing.
    NoKill,
    /// The daemon's end does nothing.
    NoEnd,
    /// A child that nobody ordered is there at the end.
    Stray,
    /// The world panics.
    Panic,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::SecondCopy,
        Self::TwoChildren,
        Self::HiddenChild,
        Self::LostOrder,
        Self::SilentDeath,
        Self::TwoReplies,
        Self::LostReply,
        Self::LostEvent,
        Self::FullQueue,
        Self::NoHeader,
        Self::ShortTree,
        Self::LoneSignal,
        Self::BadState,
        Self::ChangedState,
        Self::LostCalls,
        Self::EndlessWait,
        Self::LateTimer,
        Self::WallTimer,
        Self::BusyLoop,
        Self::NoKill,
        Self::NoEnd,
        Self::Stray,
        Self::Panic,
    ];

    /// Words of the check that must see it.
    #[must_use]
    pub const fn caught_by(self) -> &'static str {
        match self {
            Self::SecondCopy => "a second child",
            Self::TwoChildren => "has two children",
            Self::HiddenChild => "a child that the engine does not know",
            Self::LostOrder => "a child that nobody makes",
            Self::SilentDeath => "nobody will say so",
            Self::TwoReplies => "a reply to",
            Self::LostReply => "is forgotten",
            Self::LostEvent => "events and knows of",
            Self::FullQueue => "overflows",
            Self::NoHeader => "without a header",
            Self::ShortTree => "escapes",
            Self::LoneSignal => "does not reach",
            Self::BadState => "goes from",
            Self::ChangedState | Self::LostCalls => "an upgrade changes",
            Self::EndlessWait => "which has no end",
            Self::LateTimer => "is not kept",
            Self::WallTimer => "before its time",
            Self::BusyLoop => "a busy loop",
            Self::NoKill => "never answered",
            Self::NoEnd => "does not end",
            Self::Stray => "left behind",
            Self::Panic => "panics",
        }
    }
}
