//! A folder with a configuration, and daemons that live and die in it.

#![allow(dead_code, reason = "each test takes what it needs")]

#[allow(clippy::duplicate_mod, reason = "a chapter may use both harnesses")]
#[path = "../leftovers/mod.rs"]
mod leftovers;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The condition comes true within a generous time.
pub fn until(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Where daemons live.
pub struct House {
    dir: tempfile::TempDir,
    daemon: Option<Child>,
    programs: String,
    orphans: &'static str,
    program: PathBuf,
}

impl House {
    /// With these sections of programs.
    pub fn new(programs: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_supervisord").into();
        let house = Self { dir, daemon: None, programs: programs.into(), orphans: "adopt", program };
        house.write();
        house
    }

    /// From the next start on, with these.
    pub fn configure(&mut self, programs: &str) {
        self.programs = programs.into();
        self.write();
    }

    /// From the next start on, orphans are adopted, killed or ignored.
    pub fn orphans(&mut self, word: &'static str) {
        self.orphans = word;
        self.write();
    }

    fn write(&self) {
        let text = format!(
            "[supervisord]\nlogfile=%(here)s/main.log\npidfile=%(here)s/pid\nchildlogdir=%(here)s\norphans={}\n\
             [unix_http_server]\nfile=%(here)s/s.sock\n[supervisorctl]\nserverurl=unix://%(here)s/s.sock\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n{}",
            self.orphans, self.programs
        );
        std::fs::write(self.path("supervisord.conf"), text).unwrap();
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a file holds.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// Starts a daemon and waits until it answers.
    pub fn start(&mut self) {
        self.launch();
        let pid = format!("{}\n", self.daemon_pid());
        let up = until(|| self.read("pid") == pid && self.ctl(&["pid"]).trim() == pid.trim());
        assert!(up, "supervisord does not answer: {}", self.read("main.log"));
    }

    /// Starts a daemon that is not waited for.
    pub fn launch(&mut self) {
        let daemon = Command::new(&self.program)
            .args(["-n", "-c"])
            .arg(self.path("supervisord.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
    }

    /// As `start`, unless one lives.
    pub fn start_if_down(&mut self) {
        if self.daemon.is_none() {
            self.start();
        }
    }

    /// The process id of the daemon.
    pub fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Puts supervisord into the folder, to be started from there and replaced there.
    pub fn own_program(&mut self) {
        self.program = self.path("supervisord");
        self.install(env!("CARGO_BIN_EXE_supervisord").as_ref());
    }

    /// Replaces the program by a copy of this file. Another process copies: what this one has open to be written, a child
    /// of another test may still hold when it is to be run.
    pub fn install(&self, program: &std::path::Path) {
        let new = self.path("supervisord.new");
        assert!(Command::new("cp").arg(program).arg(&new).status().unwrap().success());
        std::fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&new, self.path("supervisord")).unwrap();
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> u32 {
        self.daemon.as_ref().map_or_else(|| self.read("pid").trim().parse().unwrap(), Child::id)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// An orderly end.
    pub fn end(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            Self::signal(&daemon.id().to_string(), "TERM");
            daemon.wait().unwrap();
        }
    }

    /// Starts a daemon from the folder with these words; it goes into the background.
    pub fn start_in_background(&self, words: &[&str]) {
        let mut command = Command::new(&self.program);
        assert!(command.args(words).current_dir(self.dir.path()).status().unwrap().success());
        assert!(until(|| self.ctl(&["pid"]).trim().parse::<u32>().is_ok()), "{}", self.read("main.log"));
    }

    /// The output of supervisorctl, and whether it ended well.
    pub fn ctl_status(&self, words: &[&str]) -> (String, bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
        let output = command.arg("-c").arg(self.path("supervisord.conf")).args(words).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
    }

    /// The output of supervisorctl.
    pub fn ctl(&self, words: &[&str]) -> String {
        self.ctl_status(words).0
    }

    /// The process id of a program that runs; waits until its state has been noted.
    pub fn pid_of(&self, name: &str) -> String {
        let pid = || self.ctl(&["pid", name]).trim().to_owned();
        let runs = || pid().parse::<u32>().is_ok_and(|pid| pid > 0);
        assert!(until(runs), "{name} does not run: {}", self.read("main.log"));
        let pid = pid();
        assert!(until(|| self.read("pid.state").contains(&format!("\"pid\":{pid}")) || self.orphans == "ignore"));
        pid
    }

    /// A call with strings.
    pub fn call(&self, method: &str, params: &[&str]) -> String {
        let params: String = params.iter().map(|param| format!("<param><value>{param}</value></param>")).collect();
        let body = format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>");
        let mut stream = UnixStream::connect(self.path("s.sock")).unwrap();
        write!(stream, "POST /RPC2 HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// True while there is such a process that has not ended.
    pub fn lives(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    /// Sends a signal.
    pub fn signal(pid: &str, signal: &str) {
        let _ = Command::new("kill").args([&format!("-{signal}"), pid]).status();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.end();
        leftovers::end(self.dir.path());
    }
}
