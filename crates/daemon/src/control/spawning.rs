//! From an order of the engine to a child: the command found, the environment layered, pipes made, the fork.
//!
//! A start goes: command → the plane opens the sinks → pipes and fork → the plane gets the pipes. What fails on the way is
//! told in the words of the reference's `spawnerr`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use config::{ProcessConfig, UserId};
use engine::{CommandError, SpawnError, SpawnOrder};
use sys::command::{DEFAULT_PATH, Unrunnable};
use sys::limits::Limit;
use sys::pipes::{self, ChildPipe, PipeOptions};
use sys::spawn::{ChildPlan, ChildSpec, Credentials};
use wire::python::repr;

/// A start that waits for its sinks.
#[derive(Debug)]
pub struct Pending {
    /// What was ordered.
    pub order: SpawnOrder,
    program: PathBuf,
    argv: Vec<String>,
}

/// What all children have in common.
#[derive(Debug)]
pub struct Common {
    /// The daemon's own environment.
    pub environment: Vec<(OsString, OsString)>,
    /// SUPERVISOR_SERVER_URL for programs without a `serverurl` of their own.
    pub serverurl: Option<String>,
    /// The limits that children run with; the daemon's own may be higher.
    pub limits: Vec<Limit>,
    groups: HashMap<String, Vec<u32>>,
}

/// A fresh child and our ends of its pipes.
#[derive(Debug)]
pub struct Fresh {
    /// Its process id.
    pub pid: u32,
    /// To its stdin, unless that is a socket.
    pub stdin: Option<OwnedFd>,
    /// From its stdout.
    pub stdout: OwnedFd,
    /// From its stderr, unless it is redirected.
    pub stderr: Option<OwnedFd>,
}

/// What pipes are made of: a child holds both ends of its own, so that they outlive the daemon.
const PIPE: PipeOptions = PipeOptions { survivable: true, size: None };

impl Common {
    /// For children of a daemon with this environment.
    pub fn new(serverurl: Option<String>, limits: Vec<Limit>) -> Self {
        Self { environment: std::env::vars_os().collect(), serverurl, limits, groups: HashMap::new() }
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

    /// The groups of a user are looked up once: a name service may be slow.
    fn credentials(&mut self, user: &UserId) -> Credentials {
        let groups = match &user.name {
            Some(name) => {
                self.groups.entry(name.clone()).or_insert_with(|| sys::users::supplementary_groups(name)).clone()
            }
            None => Vec::new(),
        };
        Credentials { uid: user.uid, gid: user.gid, groups }
    }

    /// Fork. `socket` is the child's stdin where it is a FastCGI program.
    ///
    /// # Errors
    /// In the words of `spawnerr`.
    pub fn spawn(&mut self, pending: Pending, socket: Option<OwnedFd>) -> Result<Fresh, SpawnError> {
        let order = &pending.order;
        let name = order.config.name.clone();
        let pipes = Pipes::new(order, socket).map_err(|error| SpawnError::Other(no_pipes(&name, &error)))?;
        let user = order.config.user.as_ref().map(|user| self.credentials(user));
        let spec = ChildSpec {
            program: pending.program,
            argv: pending.argv.into_iter().map(OsString::from).collect(),
            environment: self.environment(order),
            directory: order.config.directory.clone().map(OsString::from),
            umask: order.config.umask,
            user,
            limits: self.limits.clone(),
        };
        let child = ChildPlan::new(spec).and_then(|plan| plan.spawn(pipes.theirs()));
        let child = child.map_err(|error| SpawnError::Other(no_fork(&name, &error)))?;
        Ok(pipes.ours(child.pid))
    }
}

/// Our ends and the child's of its descriptors 0 to 2.
struct Pipes {
    stdin: Result<ChildPipe, OwnedFd>,
    stdout: ChildPipe,
    stderr: Option<ChildPipe>,
}

impl Pipes {
    fn new(order: &SpawnOrder, socket: Option<OwnedFd>) -> io::Result<Self> {
        let redirected = order.config.redirect_stderr && !order.listener;
        Ok(Self {
            stdin: match socket {
                Some(socket) => Err(socket),
                None => Ok(pipes::input(PIPE)?),
            },
            stdout: pipes::output(PIPE)?,
            stderr: if redirected { None } else { Some(pipes::output(PIPE)?) },
        })
    }

    fn theirs(&self) -> [std::os::fd::BorrowedFd<'_>; 3] {
        let stdin = match &self.stdin {
            Ok(pipe) => pipe.theirs.as_fd(),
            Err(socket) => socket.as_fd(),
        };
        let stdout = self.stdout.theirs.as_fd();
        [stdin, stdout, self.stderr.as_ref().map_or(stdout, |pipe| pipe.theirs.as_fd())]
    }

    fn ours(self, pid: u32) -> Fresh {
        Fresh {
            pid,
            stdin: self.stdin.ok().map(|pipe| pipe.ours),
            stdout: self.stdout.ours,
            stderr: self.stderr.map(|pipe| pipe.ours),
        }
    }
}

/// Find the command of an order.
///
/// # Errors
/// Why it cannot be run, in the reference's words.
pub fn prepare(order: SpawnOrder) -> Result<Pending, CommandError> {
    let (program, argv) = find(&order.config)?;
    Ok(Pending { order, program, argv })
}

/// Split a command and find its file, without running it.
///
/// # Errors
/// Why it cannot be run, in the reference's words.
pub fn find(config: &ProcessConfig) -> Result<(PathBuf, Vec<String>), CommandError> {
    let argv = wire::shlex::split(&config.command)
        .map_err(|error| CommandError::Bad(format!("can't parse command {}: {error}", repr(&config.command))))?;
    let Some(program) = argv.first() else {
        return Err(CommandError::Bad("command is empty".into()));
    };
    let configured = config.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let path = configured.or_else(|| std::env::var("PATH").ok()).unwrap_or_else(|| DEFAULT_PATH.into());
    match sys::command::find(program, &path) {
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

/// The words for sinks or pipes that cannot be opened; `error` is errno's name.
pub fn no_dispatchers(name: &str, error: &str) -> String {
    if error == "EMFILE" {
        format!("too many open files to spawn '{name}'")
    } else {
        format!("unknown error making dispatchers for '{name}': {error}")
    }
}

fn no_pipes(name: &str, error: &io::Error) -> String {
    no_dispatchers(name, &sys::errno::of(error))
}

fn no_fork(name: &str, error: &io::Error) -> String {
    match sys::errno::of(error).as_str() {
        "EAGAIN" => format!("Too many processes in process table to spawn '{name}'"),
        other => format!("unknown error during fork for '{name}': {other}"),
    }
}
