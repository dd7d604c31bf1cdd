//! From the command line to the running daemon, in the reference's order, and around again for a restart.
//!
//! Whatever ends a start (a bad file, a port that is taken, a user that is unknown) comes before the daemon goes into the
//! background, with status 2. Deliberately absent: the loop itself (that is `control`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use config::{Config, DaemonConfig, Host, Message, UserId};
use model::{Level, Signal, SupervisorState};
use sys::host::RealHost;
use sys::limits::{self, Limit, Resource};
use sys::signals;
use sys::spawn::Credentials;
use sys::{clock, daemonize, memory, privileges};

use crate::control::{self, Reader, Setup, World};
use crate::front::{self, BoundServer, FrontSettings};
use crate::mailbox::{Sender, mailbox};
use crate::options::{self, Options, Request};
use crate::plane::{self, Logs, Order};
use crate::survive::{Header, Keeper, Legacy, Past};

/// Signals that mean something to the daemon.
const SIGNALS: [Signal; 6] = [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::CHLD, Signal::USR2];

/// Why a start ends: the text of the reference's usage error.
type Refusal = String;

/// Runs supervisord with these arguments.
pub fn main(arguments: &[String]) -> ExitCode {
    memory::stay_small();
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
        Ok(file) => Daemon { program, options, file }.run(),
        Err(text) => options::usage(&program, &text),
    }
}

fn check(host: &RealHost, program: &Path, options: &Options) -> ExitCode {
    match locate(host, program, options) {
        Ok(file) => crate::check::test_config(host, &file.path, options),
        Err(text) => options::usage(program, &text),
    }
}

/// The configuration file.
#[derive(Clone)]
struct ConfigFile {
    /// Made absolute before anything changes the working directory.
    path: PathBuf,
    /// As it was given or found: so the reference's words name it.
    given: PathBuf,
}

fn locate(host: &RealHost, program: &Path, options: &Options) -> Result<ConfigFile, Refusal> {
    if let Some(warning) = options.doubt_of_search(host) {
        eprintln!("{}: UserWarning: {warning}", program.display());
    }
    let given = options.locate(host, program)?;
    Ok(ConfigFile { path: host.current_dir().join(&given), given })
}

/// What stays over restarts.
struct Daemon {
    program: PathBuf,
    options: Options,
    file: ConfigFile,
}

/// A daemon that may start: everything that can be refused has been done.
struct Ready {
    config: Arc<Config>,
    logs: Logs,
    servers: Vec<BoundServer>,
    past: Past,
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
        match self.serve(ready) {
            Ok(status) => ExitCode::from(status),
            Err(error) => {
                eprintln!("Error: supervisord cannot go on: {error}");
                ExitCode::FAILURE
            }
        }
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

    /// Serve until told to end, over restarts; returns the status to end with.
    fn serve(&self, ready: Ready) -> io::Result<u8> {
        let mut ready = ready;
        let limits = child_limits();
        raise_own_limit();
        if !ready.config.daemon.nodaemon {
            go_into_background(&ready.config.daemon, &mut ready.logs)?;
        }
        let mut signals = signals::Receiver::new(&SIGNALS)?;
        let (mut next_serial, mut status) = (0, 0);
        loop {
            let config = Arc::clone(&ready.config);
            let pidfile = write_pidfile(&config.daemon, &mut ready.logs);
            let (mood, after) = self.serve_once(ready, signals, limits.clone(), (&mut next_serial, &mut status))?;
            signals = after;
            if let Some(pidfile) = pidfile {
                remove_pidfile(&pidfile);
            }
            if mood != SupervisorState::Restarting {
                return Ok(status);
            }
            ready = self.ready_again(config)?;
        }
    }

    fn serve_once(
        &self,
        ready: Ready,
        signals: signals::Receiver,
        limits: Vec<Limit>,
        (next_serial, status): (&mut u64, &mut u8),
    ) -> io::Result<(SupervisorState, signals::Receiver)> {
        let Ready { config, mut logs, servers, past } = ready;
        let kept = !matches!(past, Past::Foreign);
        let legacy = settle(past, &config, &mut logs);
        let plane = plane::start(logs)?;
        let (calls, clients) = mailbox()?;
        let orders = plane.orders.clone();
        let keeper = if kept { keeper(&config.daemon, &orders) } else { None };
        let log = move |level, text| {
            orders.send(Order::Log { level, at: clock::wall(), text });
        };
        let front = front::start(servers, settings(&config.daemon), calls, log)?;
        let setup =
            Setup { signals, clients, plane, reader: self.reader(), config: Arc::clone(&config), limits, keeper };
        let mut world = World::new(setup)?;
        let mut engine = match legacy {
            Some(legacy) => {
                let (engine, orphans, ended) = control::restore(legacy, config).map_err(io::Error::other)?;
                world.adopt(orphans, ended);
                engine
            }
            None => {
                let mut engine = control::engine_for(config);
                engine.continue_serials(*next_serial);
                engine
            }
        };
        let mood = control::run(&mut world, &mut engine)?;
        *next_serial = engine.next_serial();
        *status = engine.exit_status();
        front.stop();
        Ok((mood, world.finish()))
    }

    fn reader(&self) -> Reader {
        let (file, options) = (self.file.clone(), self.options.clone());
        Arc::new(move || load(&file, &options).map_err(|errors| errors.first().to_owned()))
    }

    /// For a restart: with the file as it is now, or with the old configuration if that cannot be used.
    fn ready_again(&self, old: Arc<Config>) -> io::Result<Ready> {
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
fn load(file: &ConfigFile, options: &Options) -> Result<Config, config::Errors> {
    let report = config::check(&RealHost::new(), &file.path, &options.flags);
    if let Some(doubts) = crate::check::strictly(&report).filter(|_| options.strict && report.errors.is_empty()) {
        return Err(doubts);
    }
    let (path, given) = (file.path.display().to_string(), file.given.display().to_string());
    let mut errors = report.errors;
    for error in &mut errors {
        error.words = error.words().replace(&path, &given);
    }
    report.config.ok_or(config::Errors(errors))
}

/// What an earlier daemon left is adopted, ended or left alone.
fn settle(past: Past, config: &Config, logs: &mut Logs) -> Option<Legacy> {
    let mut said = Vec::new();
    let legacy = past.settle(config, &mut said);
    for (level, text) in said {
        logs.log(level, clock::wall(), &text);
    }
    legacy
}

/// Without a thread or /proc nothing is kept, and the daemon runs all the same.
fn keeper(config: &DaemonConfig, orders: &Sender<Order>) -> Option<Keeper> {
    let (path, header) = config.statefile.clone().zip(Header::own())?;
    let orders = orders.clone();
    let log = move |level, text| {
        orders.send(Order::Log { level, at: clock::wall(), text });
    };
    Keeper::start(path, header, log).ok()
}

fn settings(config: &DaemonConfig) -> FrontSettings {
    let main_log = match &config.logfile {
        config::DaemonLog::File(path) => Some(path.clone()),
        config::DaemonLog::Syslog | config::DaemonLog::None => None,
    };
    FrontSettings { main_log, loglevel: config.loglevel }
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

/// The limits in force now are the children's.
fn child_limits() -> Vec<Limit> {
    vec![limits::get(Resource::Files)]
}

/// The daemon itself may open as many descriptors as it is allowed to.
fn raise_own_limit() {
    let limit = limits::get(Resource::Files);
    // Nothing is lost if it fails: `minfds` are there.
    let _ = limits::set(Limit { soft: limit.hard, ..limit });
}

fn go_into_background(config: &DaemonConfig, logs: &mut Logs) -> io::Result<()> {
    daemonize::fork_away()?;
    logs.log(Level::Info, clock::wall(), "daemonizing the supervisord process");
    if let Some(directory) = &config.directory {
        let shown = wire::python::repr(&directory.to_string_lossy());
        match std::env::set_current_dir(directory) {
            Ok(()) => logs.log(Level::Info, clock::wall(), &format!("set current directory: {shown}")),
            Err(error) => {
                logs.log(Level::Critical, clock::wall(), &format!("can't chdir into {shown}: {error}"));
            }
        }
    }
    daemonize::detach()?;
    daemonize::set_umask(config.umask);
    Ok(())
}

/// Returns the file to be removed at the end, if it could be written.
fn write_pidfile(config: &DaemonConfig, logs: &mut Logs) -> Option<PathBuf> {
    let pid = std::process::id();
    match fs::write(&config.pidfile, format!("{pid}\n")) {
        Ok(()) => {
            logs.log(Level::Info, clock::wall(), &format!("supervisord started with pid {pid}"));
            Some(config.pidfile.clone())
        }
        Err(error) => {
            let path = config.pidfile.display();
            logs.log(Level::Critical, clock::wall(), &format!("could not write pidfile {path}"));
            logs.log(Level::Info, clock::wall(), &format!("the pidfile {path} cannot be written: {error}"));
            None
        }
    }
}

/// Root could remove any file: a `pidfile=/dev/null` is left where it is.
fn remove_pidfile(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        let _ = fs::remove_file(path);
    }
}
