//! What an errand does: everything about a start, a group or a configuration that has to ask the world.
//!
//! It runs on the threads of `errands`, so it may wait. Deliberately absent: the engine, the children, the log.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use config::{Config, GroupConfig, KillMode, ProcessConfig, UserId};
use engine::{CommandError, Input, SpawnError, SpawnOrder, Ticket};
use sys::cgroup::{self, Cgroup};
use sys::command::{DEFAULT_PATH, Unrunnable};
use sys::limits::Limit;
use sys::spawn::{ChildPlan, ChildSpec, Credentials};
use wire::python::repr;

use super::autolog::{self, AutoLogPlace};
use super::sockets::Found;
use super::walk::{Walk, Walked};
use crate::upgrade::{self, Parcel, Proven};

/// Reads the configuration anew: the text is that of the CANT_REREAD fault.
pub type Reader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// What is to be found out or made.
#[derive(Debug)]
pub enum Errand {
    /// Read the configuration.
    ReadConfig(Ticket),
    /// Make the AUTO log files of a group.
    MakeLogs(Ticket, Arc<GroupConfig>),
    /// See whether a command can be run.
    Check(Ticket, Arc<ProcessConfig>),
    /// Find out all that a child needs; the address of its socket too, unless that is open.
    Plan(Box<SpawnOrder>, Socket),
    /// See whether the program at the daemon's path accepts a state.
    Prove(Box<Parcel>),
    /// See to the descendants of a program.
    Walk(Box<Walk>),
}

/// Whether the socket of a FastCGI group is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// It is, or the program has none.
    Ready,
    /// It has to be made.
    Wanted,
}

/// What an errand brings home.
#[derive(Debug)]
pub enum Outcome {
    /// A fact for the engine.
    Fact(Input),
    /// A child's plan, or why it cannot be started.
    Planned(Box<SpawnOrder>, Result<Planned, SpawnError>),
    /// What became of descendants.
    Walked(Box<Walked>),
    /// The program that accepts the state, or why it does not.
    Proved(Result<Proven, String>),
}

/// A child ready to be started.
#[derive(Debug)]
pub struct Planned {
    /// How.
    pub plan: Box<ChildPlan>,
    /// Why it has no control group although it is to have one.
    pub refused: Option<String>,
    /// The address of its socket if that is wanted and has one, or why not. Who knows it may be slow: a name service.
    pub address: Option<Found>,
}

/// What errands have to know.
pub struct Office {
    reader: Reader,
    place: AutoLogPlace,
    /// The daemon's own environment.
    environment: Vec<(OsString, OsString)>,
    /// SUPERVISOR_SERVER_URL for programs without a `serverurl` of their own.
    serverurl: Option<String>,
    /// The limits that children run with; the daemon's own may be higher.
    limits: Vec<Limit>,
    /// The groups of a user are looked up once: a name service may be slow.
    groups: Mutex<HashMap<String, Vec<u32>>>,
    /// The daemon's own control group, below which programs get theirs.
    base: OnceLock<Result<PathBuf, String>>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Office").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Office {
    /// Of a daemon with this environment.
    pub fn new(reader: Reader, place: AutoLogPlace, serverurl: Option<String>, limits: Vec<Limit>) -> Self {
        let environment = std::env::vars_os().collect();
        Self { reader, place, environment, serverurl, limits, groups: Mutex::default(), base: OnceLock::new() }
    }

    #[cfg(test)]
    pub fn for_tests(reader: Reader) -> Self {
        Self::new(reader, AutoLogPlace::default(), None, Vec::new())
    }

    /// Does an errand.
    pub fn run(&self, errand: Errand) -> Outcome {
        match errand {
            Errand::ReadConfig(ticket) => {
                Outcome::Fact(Input::ConfigRead { ticket, result: (self.reader)().map(Arc::new) })
            }
            Errand::MakeLogs(ticket, group) => {
                Outcome::Fact(Input::GroupPrepared { ticket, logs: autolog::make(&self.place, &group) })
            }
            Errand::Check(ticket, config) => {
                Outcome::Fact(Input::CommandChecked { ticket, result: self.find(&config).map(drop) })
            }
            Errand::Prove(parcel) => Outcome::Proved(upgrade::prove(&parcel)),
            Errand::Plan(order, socket) => {
                let planned = self.plan(&order, socket);
                if planned.is_err() {
                    autolog::make_for_failed(&order);
                }
                Outcome::Planned(order, planned)
            }
            Errand::Walk(walk) => Outcome::Walked(Box::new(walk.go())),
        }
    }

    /// Split a command and find its file, without running it. The errors are in the reference's words.
    fn find(&self, config: &ProcessConfig) -> Result<(PathBuf, Vec<String>), CommandError> {
        let argv = wire::shlex::split(&config.command)
            .map_err(|error| CommandError::Bad(format!("can't parse command {}: {error}", repr(&config.command))))?;
        let Some(program) = argv.first() else {
            return Err(CommandError::Bad("command is empty".into()));
        };
        match sys::command::find(program, &self.path(config)) {
            Ok(file) => Ok((file, argv)),
            Err((why, file)) => {
                let text = why.text(&repr(&file.to_string_lossy()));
                Err(match why {
                    Unrunnable::NotFound => CommandError::NotFound(text),
                    Unrunnable::Directory | Unrunnable::NotExecutable => CommandError::NotExecutable(text),
                    Unrunnable::NoPermission => CommandError::NoPermission(text),
                })
            }
        }
    }

    /// PATH of the program, else of the daemon unless that is empty.
    fn path(&self, config: &ProcessConfig) -> String {
        let configured = config.environment.iter().rev().find(|(name, _)| name == "PATH");
        let daemons = || self.environment.iter().find(|(name, _)| name == "PATH");
        match (configured, daemons()) {
            (Some((_, path)), _) => path.clone(),
            (None, Some((_, path))) if !path.is_empty() => path.to_string_lossy().into_owned(),
            (None, _) => DEFAULT_PATH.into(),
        }
    }

    fn plan(&self, order: &SpawnOrder, socket: Socket) -> Result<Planned, SpawnError> {
        let config = &order.config;
        let (program, argv) = self.find(config).map_err(SpawnError::Command)?;
        let (cgroup, refused) = match (config.killmode == KillMode::Cgroup).then(|| self.group_for(order)) {
            Some(Err(why)) => (None, Some(why)),
            group => (group.and_then(Result::ok), None),
        };
        let spec = ChildSpec {
            program,
            argv: argv.into_iter().map(OsString::from).collect(),
            environment: self.environment(order),
            directory: config.directory.clone().map(OsString::from),
            umask: config.umask,
            user: config.user.as_ref().map(|user| self.credentials(user)),
            limits: self.limits.clone(),
            cgroup,
        };
        let plan = ChildPlan::new(spec);
        let plan = plan.map_err(|error| SpawnError::Other(super::spawning::no_fork(&config.name, &error)))?;
        let wanted = order.socket.as_ref().filter(|_| socket == Socket::Wanted);
        Ok(Planned { plan: Box::new(plan), refused, address: wanted.and_then(super::sockets::look_up) })
    }

    /// A control group of its own for `killmode=cgroup`, or why it cannot be had.
    fn group_for(&self, order: &SpawnOrder) -> Result<Arc<Cgroup>, String> {
        let base = self.base.get_or_init(|| {
            let base = cgroup::own()?;
            cgroup::may_be_left(&base)?;
            cgroup::sweep(&base);
            Ok(base)
        });
        let base = base.as_ref().map_err(Clone::clone)?;
        let group = Cgroup::make(base, &order.group, &order.config.name, order.process.0);
        group.map(Arc::new).map_err(|error| format!("{}: {}", base.display(), sys::errno::of(&error)))
    }

    /// The environment in layers: the daemon's, what every child is told, the configured.
    fn environment(&self, order: &SpawnOrder) -> Vec<(OsString, OsString)> {
        let mut layers = self.environment.clone();
        let mut set = |name: &str, value: &str| layers.push((name.into(), value.into()));
        set("SUPERVISOR_ENABLED", "1");
        if let Some(url) = order.config.serverurl.as_ref().or(self.serverurl.as_ref()) {
            set("SUPERVISOR_SERVER_URL", url);
        }
        set("SUPERVISOR_PROCESS_NAME", &order.config.name);
        set("SUPERVISOR_GROUP_NAME", &order.group);
        for (name, value) in &order.config.environment {
            set(name, value);
        }
        layers
    }

    fn credentials(&self, user: &UserId) -> Credentials {
        let groups = user.name.as_ref().map(|name| self.groups_of(name)).unwrap_or_default();
        Credentials { uid: user.uid, gid: user.gid, groups }
    }

    fn groups_of(&self, user: &str) -> Vec<u32> {
        let known = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(groups) = known().get(user) {
            return groups.clone();
        }
        // Asked without the lock: a name service that hangs holds up this user's programs only.
        let groups = sys::users::supplementary_groups(user);
        known().insert(user.to_owned(), groups.clone());
        groups
    }
}
