//! THE directive tables: one row a directive, from which its parsing, the check for unknown names, the sample and the
//! manual follow. One file a kind of section.
//!
//! To add a directive: a row here, a field in `types`, a line in `read` that fills it. A test walks all rows.
//! Deliberately absent: code that reads a section (`read`).

pub mod ctl;
pub mod eventlistener;
pub mod fcgi;
pub mod group;
pub mod include;
pub mod plugin;
pub mod process;
pub mod program;
pub mod server;
pub mod supervisord;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A truth.
    Boolean,
    /// A truth or `unexpected`.
    Autorestart,
    /// What follows an end for good.
    Ending,
    /// Whom a stop reaches.
    KillMode,
    /// Bytes with a unit.
    ByteSize,
    /// A file mode.
    Octal,
    /// A signal.
    Signal,
    /// Numbers from 0 to 255.
    ExitCodes,
    /// Names with commas between.
    List,
    /// Patterns with blanks between.
    Patterns,
    /// `KEY="value"` pairs.
    Pairs,
    /// A path.
    Path,
    /// A path whose directory exists.
    FilePath,
    /// A directory that exists.
    Directory,
    /// Where output goes.
    Log,
    /// An account.
    User,
    /// Accounts with commas between.
    Users,
    /// An account and a group.
    UserGroup,
    /// What becomes of a dead daemon's programs.
    Orphans,
    /// A level of the log.
    Level,
    /// A host and a port.
    Address,
    /// `unix://` or `tcp://`.
    Socket,
    /// `http://` or `unix://`.
    Url,
    /// A function of a Python module.
    Plugin,
}

impl Kind {
    /// What would be right, for an error and for the manual.
    #[must_use]
    pub const fn right(self) -> &'static str {
        match self {
            Self::Text => "any text",
            Self::Integer => "a whole number, such as 10",
            Self::Boolean => "true, yes, on, 1 or false, no, off, 0",
            Self::Autorestart => "true, false or unexpected",
            Self::Ending => "ignore, restart or shutdown",
            Self::KillMode => "process, group, tree or cgroup",
            Self::ByteSize => "a number of bytes, or one with KB, MB or GB, such as 50MB",
            Self::Octal => "an octal number, such as 022",
            Self::Signal => "a signal's name or number, such as TERM, SIGTERM or 15",
            Self::ExitCodes => "numbers from 0 to 255 with commas between, such as 0,2",
            Self::List => "names with commas between",
            Self::Patterns => "file names or patterns with blanks between, such as conf.d/*.conf",
            Self::Pairs => "KEY=\"value\" pairs with commas between, such as A=\"1\",B=\"two words\"",
            Self::Path => "a path",
            Self::FilePath => "a path in a directory that exists",
            Self::Directory => "a directory that exists",
            Self::Log => "a path in a directory that exists, AUTO or NONE",
            Self::User => "a user's name or number",
            Self::Users => "users' names or numbers with commas between, such as deploy,1000",
            Self::UserGroup => "user or user:group, by name or number",
            Self::Orphans => "adopt, kill or ignore",
            Self::Level => "critical, error, warn, info, debug, trace or blather",
            Self::Address => "host:port, *:port or a port from 1 to 65535",
            Self::Socket => "unix:///absolute/path or tcp://host:port",
            Self::Url => "http://host:port or unix:///absolute/path",
            Self::Plugin => "the name of a Python function; those that Supervisor ships are known",
        }
    }
}

/// What a change of the value does to a running daemon that is told to `update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing until the daemon is started again or told to `reload`.
    Nothing,
    /// It holds at once, nothing is restarted.
    Live,
    /// The group of the process is restarted.
    Restart,
}

/// How the sample configuration shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Not at all.
    Absent,
    /// As a line that is in force.
    Set(&'static str),
    /// Behind a semicolon.
    Commented(&'static str),
    /// In force, with another value behind a semicolon below it.
    Either(&'static str, &'static str),
    /// Behind a semicolon, and with a colon: tools that read the samples of both find no option that Supervisor has not.
    Ours(&'static str),
}

/// A row: all that is known of a directive.
#[derive(Clone, Copy, Debug)]
pub struct Directive {
    /// In lower case.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The value where it is not set, as a user would write it; without one it is off or, if `required`, missing.
    pub default: Option<&'static str>,
    /// Its section is refused without it.
    pub required: bool,
    /// A line about it.
    pub brief: &'static str,
    /// What it does, for the manual.
    pub doc: &'static str,
    /// A value one might give it.
    pub example: &'static str,
    /// What a change does.
    pub update: Update,
    /// Its place in the sample.
    pub sample: Sample,
}

impl Directive {
    /// A row about a process: a change restarts its group.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, brief: &'static str) -> Self {
        let (default, required, doc, example) = (None, false, "", "");
        Self { name, kind, default, required, brief, doc, example, update: Update::Restart, sample: Sample::Absent }
    }

    /// With a default.
    #[must_use]
    pub const fn default(self, text: &'static str) -> Self {
        Self { default: Some(text), ..self }
    }

    /// That must be set.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// With the manual's words and an example.
    #[must_use]
    pub const fn doc(self, doc: &'static str, example: &'static str) -> Self {
        Self { doc, example, ..self }
    }

    /// With another effect of a change.
    #[must_use]
    pub const fn on_update(self, update: Update) -> Self {
        Self { update, ..self }
    }

    /// With a line in force in the sample.
    #[must_use]
    pub const fn shown(self, value: &'static str) -> Self {
        Self { sample: Sample::Set(value), ..self }
    }

    /// With a line in force in the sample and another value below it.
    #[must_use]
    pub const fn shown_or(self, value: &'static str, other: &'static str) -> Self {
        Self { sample: Sample::Either(value, other), ..self }
    }

    /// With a commented line in the sample.
    #[must_use]
    pub const fn commented(self, value: &'static str) -> Self {
        Self { sample: Sample::Commented(value), ..self }
    }

    /// With a commented line in the sample, of a directive that Supervisor does not have.
    #[must_use]
    pub const fn ours(self, value: &'static str) -> Self {
        Self { sample: Sample::Ours(value), ..self }
    }

    /// Not in the sample.
    #[must_use]
    pub const fn unshown(self) -> Self {
        Self { sample: Sample::Absent, ..self }
    }
}

/// A kind of section.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// `supervisord`, or `program:` where a name follows.
    pub section: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its directives, in the order of the sample and the manual.
    pub rows: &'static [Directive],
    /// Options of other names are somebody else's affair.
    pub open: bool,
}

impl Table {
    /// A directive by name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&'static Directive> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// True if it is for a section of this name.
    #[must_use]
    pub fn is_for(&self, section: &str) -> bool {
        match self.section.strip_suffix(':') {
            Some(_) => section.starts_with(self.section),
            // The servers may be given names: `[unix_http_server:second]`.
            None => section == self.section || section.split(':').next() == Some(self.section),
        }
    }
}

/// All kinds of sections, in the order of the sample.
pub static ALL: &[&Table] = &[
    &server::UNIX,
    &server::INET,
    &supervisord::TABLE,
    &plugin::RPCINTERFACE,
    &ctl::TABLE,
    &plugin::CTLPLUGIN,
    &program::TABLE,
    &eventlistener::TABLE,
    &fcgi::TABLE,
    &group::TABLE,
    &include::TABLE,
];

/// The table for a section, if it is of a known kind.
#[must_use]
pub fn table_for(section: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.is_for(section))
}
