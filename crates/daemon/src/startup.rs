//! From the command line to a daemon that may start, in the reference's order.
//!
//! Whatever ends a start (a bad file, a port that is taken, a user that is unknown) comes before the daemon goes into the
//! background, with status 2. Deliberately absent: what follows (that is `serving`), and the loop itself (that is `control`).

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use config::{Config, DaemonConfig, Host, Message, UserId};
use model::Level;
use serde::{Deserialize, Serialize};
use sys::host::RealHost;
use sys::limits::{self, Resource};
use sys::signals;
use sys::spawn::Credentials;
use sys::{clock, daemonize, memory, privileges};

use crate::control::{self, Reader};
use crate::front::{self, BoundServer};
use crate::options::{self, Options, Request};
use crate::plane::Logs;
use crate::serving::Beginning;
use crate::survive::Past;
use crate::upgrade::{self, About};

/// Why a start ends: the text of the reference's usage error.
type Refusal = String;

/// Runs supervisord with these arguments.
pub fn main(arguments: &[String]) -> ExitCode {
    memory::stay_small();
    if let Some(value) = sys::handover::take_variable(upgrade::VARIABLE) {
        return take_up(&value);
    }
    if arguments == [upgrade::PROVE] {
        return upgrade::answer();
    }
    let (host, program) = (RealHost::new(), options::program());
    let options = match options::parse(&host, &program, arguments) {
        Ok(Request::Say(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Request::Check(options)) => return check(&host, &program, &options),
        Ok(Request::Run(options)) => options,
        Err(text) => return options::usage(&program, &text),
    };
    match locate(&host, &program, &options) {
        Ok(file) => {
            let path = upgrade::own_path(&program, &host.current_dir());
            Daemon { path: path.unwrap_or_else(|| program.clone()), program, options, file }.run()
        }
        Err(text) => options::usage(&program, &text),
    }
}

/// Goes on where the daemon before, in this process, has left everything.
fn take_up(value: &OsStr) -> ExitCode {
    match upgrade::come(value) {
        Ok(parcel) => {
            let About { path, program, options, file, .. } = parcel.about.clone();
            let daemon = Daemon { path, program, options, file };
            ended(daemon.serve(Beginning::Over(Box::new(parcel), None)))
        }
        Err(text) => {
            eprintln!("Error: supervisord cannot go on: {text}");
            ExitCode::FAILURE
        }
    }
}

fn ended(result: io::Result<u8>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("Error: supervisord cannot go on: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(host: &RealHost, program: &Path, options: &Options) -> ExitCode {
    match locate(host, program, options) {
        Ok(file) => crate::check::test_config(host, &file.path, options),
        Err(text) => options::usage(program, &text),
    }
}

/// The configuration file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Made absolute before anything changes the working directory.
    pub path: PathBuf,
    /// As it was given or found: so the reference's words name it.
    pub given: PathBuf,
}

fn locate(host: &RealHost, program: &Path, options: &Options) -> Result<ConfigFile, Refusal> {
    if let Some(warning) = options.doubt_of_search(host) {
        eprintln!("{}: UserWarning: {warning}", program.display());
    }
    let given = options.locate(host, program)?;
    Ok(ConfigFile { path: host.current_dir().join(&given), given })
}

/// What stays over restarts.
pub(crate) struct Daemon {
    /// Where a successor is looked for.
    pub path: PathBuf,
    /// As it was executed.
    pub program: PathBuf,
    /// The command line.
    pub options: Options,
    /// The configuration.
    pub file: ConfigFile,
}

/// A daemon that may start: everything that can be refused has been done.
pub(crate) struct Ready {
    /// What it runs with.
    pub config: Arc<Config>,
    /// Its log, open.
    pub logs: Logs,
    /// Its servers, bound.
    pub servers: Vec<BoundServer>,
    /// What an earlier daemon left.
    pub past: Past,
}

impl Daemon {
    fn run(self) -> ExitCode {
        if daemonize::have_standard_descriptors().is_err() {
            return ExitCode::from(2);
        }
        signals::ignore_write_signals();
        let config = match load(&self.file, &self.options) {
            Ok(config) => Arc::new(config),
            Err(errors) => return options::refuse(&self.program, &errors),
        };
        let ready = match self.ready(config, true) {
            Ok(ready) => ready,
            Err(text) => return options::usage(&self.program, &text),
        };
        ended(self.begin_and_serve(ready))
    }

    /// User, limits, log, old AUTO logs, servers.
    fn ready(&self, config: Arc<Config>, first: bool) -> Result<Ready, Refusal> {
        let mut messages = config.messages.clone();
        become_user(config.daemon.user.as_ref(), &mut messages)?;
        if first {
            raise_limits(&config.daemon, &mut messages)?;
        }
        let mut logs = Logs::open(&config.daemon)
            .map_err(|why| format!("could not open the log {}: {}", why.path.display(), why.error))?;
        // Grave ones first, as the reference keeps three lists.
        messages.sort_by_key(|message| std::cmp::Reverse(message.level));
        for message in &messages {
            logs.log(message.level, clock::wall(), &message.text);
        }
        // The reference removes old AUTO logs first: a second daemon would remove those of the first, and only then see it.
        let mut said = Vec::new();
        let mut say = |level, text: String| said.push((level, text));
        let servers = front::bind(&config.servers, &config.rpc_interfaces, &mut say).map_err(|why| why.to_string())?;
        // Not before the sockets are ours: the logs may be those of a daemon that runs.
        let (past, doubt) = Past::look(&config.daemon);
        if !config.daemon.nocleanup {
            for warning in control::remove_old_autologs(&config.daemon, &past.logs(&config.daemon)) {
                logs.log(Level::Warn, clock::wall(), &warning);
            }
        }
        for (level, text) in said.into_iter().chain(doubt) {
            logs.log(level, clock::wall(), &text);
        }
        Ok(Ready { config, logs, servers, past })
    }

    /// Reads the configuration anew.
    pub fn reader(&self) -> Reader {
        let (file, options) = (self.file.clone(), self.options.clone());
        Arc::new(move || load(&file, &options).map_err(|errors| errors.first().to_owned()))
    }

    /// For a restart: with the file as it is now, or with the old configuration if that cannot be used.
    pub fn ready_again(&self, old: Arc<Config>) -> io::Result<Ready> {
        let refused = match load(&self.file, &self.options) {
            Ok(config) => match self.ready(Arc::new(config), false) {
                Ok(ready) => return Ok(ready),
                Err(text) => text,
            },
            Err(errors) => errors.first().to_owned(),
        };
        let mut ready = self.ready(old, false).map_err(io::Error::other)?;
        let text =
            format!("could not restart with the configuration as it is now, going on with the old one: {refused}");
        ready.logs.log(Level::Critical, clock::wall(), &text);
        Ok(ready)
    }
}

/// Read the configuration; with `--strict`, doubts are errors.
pub(crate) fn load(file: &ConfigFile, options: &Options) -> Result<Config, config::Errors> {
    let report = config::check_as(&RealHost::new(), &file.path, &file.given, &options.flags);
    if let Some(doubts) = crate::check::strictly(&report).filter(|_| options.strict && report.errors.is_empty()) {
        return Err(doubts);
    }
    report.config.ok_or(config::Errors(report.errors))
}

/// Become the user of `user=`, or say that nobody asked for it.
fn become_user(user: Option<&UserId>, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let Some(user) = user else {
        if rustix::process::geteuid().is_root() {
            messages.push(Message { level: Level::Critical, text: RUNNING_AS_ROOT.into() });
        }
        return Ok(());
    };
    let groups = user.name.as_deref().map(sys::users::supplementary_groups).unwrap_or_default();
    privileges::change_to(&Credentials { uid: user.uid, gid: user.gid, groups })?;
    messages.push(Message { level: Level::Info, text: format!("Set uid to user {} succeeded", user.uid) });
    Ok(())
}

/// The reference's words, which people filter by.
const RUNNING_AS_ROOT: &str = "Supervisor is running as root.  Privileges were not dropped because no user is specified \
     in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message.";

/// See that `minfds` and `minprocs` are available.
fn raise_limits(config: &DaemonConfig, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    for (resource, minimum) in [(Resource::Files, config.minfds), (Resource::Processes, config.minprocs)] {
        match limits::at_least(resource, minimum) {
            Ok(false) => {}
            Ok(true) => {
                let text = format!("Increased {} limit to {minimum}", resource.name());
                messages.push(Message { level: Level::Info, text });
            }
            Err(_) => return Err(too_few(resource, minimum)),
        }
    }
    Ok(())
}

/// The reference's words, in which the wish stands for the limit; the line after them has the limit itself.
fn too_few(resource: Resource, minimum: u64) -> Refusal {
    let (option, things, wanted, process) = match resource {
        Resource::Processes => ("minprocs", "processes", "available processes", "program"),
        _ => ("minfds", "file descriptors", "file descriptors", "process"),
    };
    let hard = limits::get(resource).hard;
    format!(
        "The minimum number of {wanted} required to run this {process} is {minimum} as per the \"{option}\" command-line \
         argument or config file setting. The current environment will only allow you to open {minimum} {things}.  \
         Either raise the number of usable {things} in your environment (see README.rst) or lower the {option} setting \
         in the config file to allow the {process} to start.\n  [supervisord] {option}: the limit is {hard}"
    )
}
