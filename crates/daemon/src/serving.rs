//! From a daemon that may start to the running one, around again for a restart, and over into another program of the same
//! process.
//!
//! Deliberately absent: what can be refused (that is `startup`), and the loop itself (that is `control`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Config, DaemonConfig};
use engine::{CallId, Engine, Input};
use model::{Level, Signal, SupervisorState};
use sys::limits::{self, Limit, Resource};
use sys::{clock, daemonize, signals};

use crate::control::{self, End, Setup, World};
use crate::front::{self, BoundServer, ClientEvent, FrontHandle, FrontSettings, Handed};
use crate::mailbox::{Sender, mailbox};
use crate::plane::{self, Buffer, Logs, Order};
use crate::startup::{Daemon, Ready};
use crate::survive::{Header, Keeper, Legacy, Orphan, Past, memory};
use crate::upgrade::{self, About, Parcel, Taker};

/// Signals that mean something to the daemon.
const SIGNALS: [Signal; 7] =
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::CHLD, Signal::USR1, Signal::USR2];

/// With what a daemon begins.
pub(crate) enum Beginning {
    /// With nothing, or with what a dead one left.
    Fresh(Box<Ready>, Vec<Limit>),
    /// With all that another one of this process had; or with all of its own, because no other could be run.
    Over(Box<Parcel>, Option<String>),
}

/// A daemon that is about to run.
struct Running {
    config: Arc<Config>,
    world: World,
    engine: Engine,
    first: Input,
    about: About,
}

impl Daemon {
    /// Into the background if wanted, and then as `serve`.
    pub fn begin_and_serve(&self, mut ready: Ready) -> io::Result<u8> {
        let limits = child_limits();
        raise_own_limit();
        if !ready.config.daemon.nodaemon {
            go_into_background(&ready.config.daemon, &mut ready.logs)?;
        }
        self.serve(Beginning::Fresh(Box::new(ready), limits))
    }

    /// Serve until told to end, over restarts and upgrades; returns the status to end with.
    pub fn serve(&self, mut beginning: Beginning) -> io::Result<u8> {
        let mut next_serial = 0;
        loop {
            let running = match beginning {
                Beginning::Fresh(ready, limits) => self.begin(*ready, limits, next_serial)?,
                Beginning::Over(parcel, refused) => self.go_on(*parcel, refused)?,
            };
            let Running { config, mut world, mut engine, first, about } = running;
            let mood = match control::run(&mut world, &mut engine, first)? {
                End::Stopped(mood) => mood,
                End::HandOver => {
                    let parcel = Box::new(world.hand_over(&engine)?);
                    let refused = upgrade::go(&parcel)?;
                    beginning = Beginning::Over(parcel, Some(refused));
                    continue;
                }
            };
            next_serial = engine.next_serial();
            world.finish();
            sys::helper::end_all();
            if let Some(pidfile) = &about.pidfile {
                remove_pidfile(pidfile);
            }
            if mood != SupervisorState::Restarting {
                return Ok(engine.exit_status());
            }
            beginning = Beginning::Fresh(Box::new(self.ready_again(config)?), limits_of(&about));
        }
    }

    /// A daemon that starts its programs, or adopts those of one that died.
    fn begin(&self, ready: Ready, limits: Vec<Limit>, next_serial: u64) -> io::Result<Running> {
        // Threads inherit what is blocked.
        let signals = signals::Receiver::new(&SIGNALS)?;
        let Ready { config, mut logs, servers, past } = ready;
        let about = About {
            path: self.path.clone(),
            program: self.program.clone(),
            options: self.options.clone(),
            file: self.file.clone(),
            files: limits.first().map_or([0; 2], |limit| [limit.soft, limit.hard]),
            pidfile: write_pidfile(&config.daemon, &mut logs),
            keeps_state: !matches!(past, Past::Foreign),
            segment: None,
        };
        let (buffer, said) = memory::take(&past, &config.daemon)?;
        said.into_iter().for_each(|(level, text)| logs.log(level, clock::wall(), &text));
        let about = About { segment: buffer.id(), ..about };
        let in_hand = memory::in_hand(&past, &buffer);
        let legacy = settle(past, &config, &mut logs);
        let mut world = self.set_up(&config, (logs, buffer), Clients::None(servers), signals, &about)?;
        if let Some((order, channel)) = in_hand {
            let lives = |orphan: &Orphan| orphan.process() == order.process;
            let adopted = legacy.iter().any(|legacy| legacy.orphans.iter().any(lives));
            world.recover(&order, channel, adopted);
        }
        let mut engine = match legacy {
            Some(legacy) => {
                let (engine, orphans, ended) =
                    control::restore(legacy, Arc::clone(&config)).map_err(io::Error::other)?;
                world.adopt(orphans, ended);
                engine
            }
            None => {
                let mut engine = control::engine_for(Arc::clone(&config));
                engine.continue_serials(next_serial);
                engine
            }
        };
        world.note_first(&mut engine);
        Ok(Running { config, world, engine, first: Input::Started, about })
    }

    /// A daemon that goes on with everything that was handed over.
    fn go_on(&self, mut parcel: Parcel, refused: Option<String>) -> io::Result<Running> {
        signals::ignore_write_signals();
        let signals = signals::Receiver::new(&SIGNALS)?;
        let mut taker = Taker::default();
        let (config, about) = (Arc::clone(&parcel.base), parcel.about.clone());
        let mut logs = Logs::open_again(&config.daemon);
        let (buffer, said) = memory::keep(about.segment, about.keeps_state && config.daemon.statefile.is_some())?;
        said.into_iter().for_each(|(level, text)| logs.log(level, clock::wall(), &text));
        let about = About { segment: buffer.id(), ..about };
        let clients = match parcel.front.take() {
            Some(front) => Clients::Before(front.take(&mut taker)?),
            None => Clients::None(Vec::new()),
        };
        let mut world = self.set_up(&config, (logs, buffer), clients, signals, &about)?;
        let read = parcel.read.clone().unwrap_or_else(|| Arc::clone(&config));
        let engine = Engine::take_up(parcel.engine.clone(), Arc::clone(&config), read, control::local());
        let engine = engine.map_err(io::Error::other)?;
        let (calls, from) = (std::mem::take(&mut parcel.calls), std::mem::take(&mut parcel.from));
        let first = match refused {
            None => Input::Upgraded { calls, from, to: env!("CARGO_PKG_VERSION").into() },
            Some(reason) => Input::UpgradeRefused { calls, reason },
        };
        world.take_up(parcel, &engine, &mut taker)?;
        Ok(Running { config, world, engine, first, about })
    }

    /// The threads.
    fn set_up(
        &self,
        config: &Arc<Config>,
        (logs, buffer): (Logs, Buffer),
        clients: Clients,
        signals: signals::Receiver,
        about: &About,
    ) -> io::Result<World> {
        // While descriptors still have low numbers.
        sys::spawn::prepare();
        let plane = plane::start(logs, buffer)?;
        let (calls, asked) = mailbox()?;
        let orders = plane.orders.clone();
        let keeper = if about.keeps_state { keeper(&config.daemon, about.segment, &orders) } else { None };
        let promised = clients.calls();
        let settings = settings(&config.daemon);
        let serve = move |clients| serve_clients(clients, settings.clone(), calls.clone(), orders.clone());
        let mut world = World::new(Setup {
            signals,
            clients: asked,
            plane,
            reader: self.reader(),
            config: Arc::clone(config),
            limits: limits_of(about),
            keeper,
            about: about.clone(),
            front: serve(clients)?,
            revive: Box::new(move |handed| serve(Clients::Before(handed))),
        })?;
        world.promise(promised);
        Ok(world)
    }
}

/// Whom the front serves from the beginning.
enum Clients {
    /// Nobody yet.
    None(Vec<BoundServer>),
    /// Those of another front.
    Before(Handed),
}

impl Clients {
    /// Calls that they wait for.
    fn calls(&self) -> Vec<CallId> {
        match self {
            Self::None(_) => Vec::new(),
            Self::Before(handed) => handed.description.calls().collect(),
        }
    }
}

fn serve_clients(
    clients: Clients,
    settings: FrontSettings,
    calls: Sender<ClientEvent>,
    orders: Sender<Order>,
) -> io::Result<FrontHandle> {
    let log = logger(orders);
    match clients {
        Clients::None(servers) => front::start(servers, settings, calls, log),
        Clients::Before(handed) => front::take_up(handed, settings, calls, log),
    }
}

/// The daemon's log, for other threads: its lines go the way of all others.
fn logger(orders: Sender<Order>) -> impl Fn(Level, String) + Send + 'static {
    move |level, text| {
        orders.send(Order::Log { level, at: clock::wall(), text });
    }
}

/// What an earlier daemon left is adopted, ended or left alone.
fn settle(past: Past, config: &Config, logs: &mut Logs) -> Option<Legacy> {
    let mut said = Vec::new();
    let place = control::AutoLogPlace::of(&config.daemon);
    let legacy = past.settle(config, &|group| control::make_autologs(&place, group), &mut said);
    for (level, text) in said {
        logs.log(level, clock::wall(), &text);
    }
    legacy
}

/// Without a thread or /proc nothing is kept, and the daemon runs all the same.
fn keeper(config: &DaemonConfig, segment: Option<i32>, orders: &Sender<Order>) -> Option<Keeper> {
    let (path, header) = config.statefile.clone().zip(Header::own(config.serverurl.clone(), segment))?;
    Keeper::start(path, header, logger(orders.clone())).ok()
}

fn settings(config: &DaemonConfig) -> FrontSettings {
    let main_log = match &config.logfile {
        config::DaemonLog::File(path) => Some(path.clone()),
        config::DaemonLog::Syslog | config::DaemonLog::None => None,
    };
    FrontSettings { main_log, loglevel: config.loglevel }
}

/// Those that children run with.
fn limits_of(about: &About) -> Vec<Limit> {
    let [soft, hard] = about.files;
    vec![Limit { resource: Resource::Files, soft, hard }]
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
