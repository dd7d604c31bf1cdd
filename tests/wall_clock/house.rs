//! A daemon with a wall clock of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{self, Daemon, wait};

/// The variable that makes this program the daemon.
pub const DAEMON: &str = "WALL_CLOCK_DAEMON";
/// Where the shim finds by how much the clock is wrong.
const FILE: &str = "WALL_CLOCK_FILE";

pub const HOUR: i64 = 3600;

static SHIM: OnceLock<PathBuf> = OnceLock::new();

/// The library, and the folder that it is in.
pub struct Shim(#[allow(dead_code, reason = "it goes with it")] tempfile::TempDir);

impl Shim {
    /// Compiled by the compiler that rustc links with.
    pub fn build() -> Option<Self> {
        let folder = harness::folder();
        let library = folder.path().join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wall_clock/shim.c");
        let built = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        if !built.is_ok_and(|status| status.success()) {
            eprintln!("the shim cannot be compiled");
            return None;
        }
        let _ = SHIM.set(library);
        Some(Self(folder))
    }
}

/// Seconds of the machine's own wall clock.
pub fn machine() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

pub struct House {
    pub daemon: Daemon,
}

fn command(folder: &std::path::Path) -> Command {
    let out = fs::File::options().create(true).append(true).open(folder.join("daemon.out")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg("-c")
        .arg(folder.join("supervisord.conf"))
        .envs([(DAEMON, "1"), ("TZ", "UTC0")])
        .env(FILE, folder.join("clock"))
        .env("LD_PRELOAD", SHIM.get().unwrap())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out);
    command
}

impl House {
    /// With these programs.
    pub fn new(config: &str) -> Self {
        let folder = harness::folder();
        harness::write_config(folder.path(), config);
        fs::write(folder.path().join("clock"), 0_i64.to_ne_bytes()).unwrap();
        Self { daemon: Daemon::start_by(command(folder.path()), folder) }
    }

    /// Another daemon after this one, which is killed.
    pub fn kill_and_start(self, meanwhile: i64) -> Self {
        let folder = self.daemon.kill();
        fs::write(folder.path().join("clock"), meanwhile.to_ne_bytes()).unwrap();
        Self { daemon: Daemon::start_by(command(folder.path()), folder) }
    }

    /// The clock is set: from now on it shows so many seconds more than the machine's. In place, for it is mapped.
    pub fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).open(self.daemon.path("clock")).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// A member of the struct that tells of a program.
    pub fn info(&self, program: &str, member: &str) -> String {
        let answer =
            self.daemon.rpc_with("supervisor.getProcessInfo", &format!("<param><value>{program}</value></param>"));
        let text = answer.split(&format!("<name>{member}</name>")).nth(1).unwrap_or_else(|| panic!("{answer}"));
        // A type, then what there is of that type.
        text.split('>').nth(2).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
    }

    /// The uptime of a program in seconds.
    pub fn uptime(&self, program: &str) -> u64 {
        let words = self.info(program, "description");
        let time = words.rsplit("uptime ").next().unwrap();
        time.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap_or_else(|_| panic!("{words}")))
    }

    /// What the daemon's clock shows, by a call, by the date of the answer and by its log.
    pub fn assert_shows(&self, seconds: i64) {
        let wanted = |shown: i64| (shown - machine() - seconds).abs() < 120;
        let now: i64 = self.info("steady", "now").parse().unwrap();
        assert!(wanted(now), "getProcessInfo shows {now}");
        let answer = self.daemon.rpc_with("supervisor.getState", "");
        let date = answer.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap();
        let dated = jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_second();
        assert!(wanted(dated), "an answer is of {date}");
        let same_day = |shown: i64| wanted(now - (now - shown).rem_euclid(86_400));
        // A line that is written now; each call waits for its own.
        let reopened = || self.daemon.log_lines("supervisord logreopen").len();
        let before = reopened();
        self.daemon.signal("USR2");
        wait("a line", || reopened() > before);
        let log = self.daemon.read("supervisord.log");
        let line = log.lines().rfind(|line| line.ends_with("supervisord logreopen")).unwrap();
        let time = line.split([' ', ',']).nth(1).unwrap();
        assert!(same_day(of_day(time)), "{line}");
    }
}

/// Seconds of the day of `12:34:56`.
fn of_day(time: &str) -> i64 {
    time.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap())
}
