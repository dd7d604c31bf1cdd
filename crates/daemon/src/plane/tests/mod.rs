//! The plane with real pipes and files: a test gives orders as control does, and writes as programs do.

mod files;
mod floods;
mod leftovers;
mod output;
mod recovery;
mod streams;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{DaemonConfig, DaemonLog, LogTarget, OutputConfig};
use engine::{ProcessId, Ticket};
use model::{Channel, Level};
use sys::pipes::{self, PipeOptions};

use super::*;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    folder: tempfile::TempDir,
    plane: Option<PlaneHandle>,
    reports: VecDeque<Report>,
}

fn daemon_config(logfile: PathBuf, loglevel: Level) -> DaemonConfig {
    let logfile = DaemonLog::File(logfile);
    DaemonConfig { logfile, logfile_maxbytes: 0, logfile_backups: 0, loglevel, silent: true, ..DaemonConfig::default() }
}

impl Bench {
    fn new() -> Self {
        Self::at(Level::Info)
    }

    fn at(level: Level) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::open(&daemon_config(folder.path().join("main.log"), level)).unwrap();
        let plane = Some(start(logs, Buffer::mortal().unwrap()).unwrap());
        Self { folder, plane, reports: VecDeque::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    fn order(&self, order: Order) {
        self.plane.as_ref().unwrap().orders.send(order);
    }

    fn log(&self, text: &str) {
        self.order(Order::Log { level: Level::Info, at: sys::clock::wall(), text: text.into() });
    }

    /// Wait for a report.
    fn report(&mut self) -> Report {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            assert!(Instant::now() < end, "no report came");
            std::thread::sleep(Duration::from_millis(1));
            self.reports.extend(self.plane.as_ref().unwrap().reports.take());
        }
    }

    fn open(&mut self, number: u32, channels: [Option<ChannelOrder>; 2]) -> Result<(), String> {
        let process = ProcessId(number);
        self.order(Order::Open { process, name: Arc::from(format!("p{number}")), channels });
        match self.report() {
            Report::Opened { process: opened, result } => {
                assert_eq!(opened, process);
                result
            }
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Open a program's stdout log and attach its pipe; the program's end of it.
    fn run(&mut self, number: u32, order: ChannelOrder) -> File {
        self.open(number, [Some(order), None]).unwrap();
        let pipe = pipes::output(PipeOptions::default()).unwrap();
        self.order(Order::Attach { process: ProcessId(number), pid: 1, pipes: [Some(pipe.ours), None] });
        pipe.theirs.into()
    }

    /// Have a program's output drained, and wait for it; other reports before it are returned.
    fn drain(&mut self, number: u32) -> Vec<Report> {
        self.order(Order::Drain { process: ProcessId(number) });
        let mut before = Vec::new();
        loop {
            match self.report() {
                Report::Drained { process } => {
                    assert_eq!(process, ProcessId(number));
                    return before;
                }
                other => before.push(other),
            }
        }
    }

    fn clear(&mut self, number: u32) -> Result<(), engine::input::ClearError> {
        self.order(Order::Clear { ticket: Ticket(7), process: ProcessId(number) });
        match self.report() {
            Report::Cleared { ticket: Ticket(7), result } => result,
            other => panic!("not cleared: {other:?}"),
        }
    }

    /// End the plane: what was ordered is done.
    fn finish(&mut self) {
        self.order(Order::Finish);
        self.plane.take().unwrap().join();
    }
}

/// An order for a log file without limits.
fn to_file(path: &Path) -> ChannelOrder {
    ChannelOrder {
        path: Some(path.into()),
        config: OutputConfig {
            logfile: LogTarget::File(path.into()),
            maxbytes: 0,
            backups: 0,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
        },
        strip_ansi: false,
        channel: Channel::Stdout,
        group: Arc::from("g"),
    }
}

fn rotated(path: &Path, maxbytes: u64, backups: u32) -> ChannelOrder {
    let mut order = to_file(path);
    order.config.maxbytes = maxbytes;
    order.config.backups = backups;
    order
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Bytes of which each place can be told from the others.
fn pattern(length: usize) -> Vec<u8> {
    (0_u64..).flat_map(|number| format!("{number:09}\n").into_bytes()).take(length).collect()
}
