//! A daemon of its own for each test: in a folder of its own, with real children, talked to by the real supervisorctl and
//! over its socket. Conditions are waited for with a bound; a test that fails prints what the daemon wrote.

#[allow(clippy::duplicate_mod, reason = "a chapter may use both harnesses")]
#[path = "../leftovers/mod.rs"]
mod leftovers;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a condition may take to come true: long, for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every configuration begins with; sections that a test writes again are merged.
const PRELUDE: &str = "\
[supervisord]
nodaemon=true
logfile=<DIR>/supervisord.log
pidfile=<DIR>/supervisord.pid
childlogdir=<DIR>
[unix_http_server]
file=<DIR>/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://<DIR>/s.sock
";

/// A daemon and its folder.
pub struct Daemon {
    folder: TempDir,
    process: Child,
}

/// What a program said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// A folder for a daemon; `<DIR>` in texts is its path.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("sv").tempdir().unwrap()
}

/// Writes `supervisord.conf`.
pub fn write_config(folder: &Path, text: &str) {
    let text = format!("{PRELUDE}{text}").replace("<DIR>", folder.to_str().unwrap());
    fs::write(folder.join("supervisord.conf"), text).unwrap();
}

/// The command that runs a daemon in a folder.
pub fn supervisord(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supervisord"));
    command.arg("-c").arg(folder.join("supervisord.conf")).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a daemon that is expected to end by itself.
pub fn refused(folder: &Path) -> Said {
    said(supervisord(folder))
}

/// Runs a command to its end.
pub fn said(mut command: Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Said { status: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Waits for a condition.
pub fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

impl Daemon {
    /// Starts a daemon with this configuration and waits until it serves.
    pub fn start(config: &str) -> Self {
        let folder = folder();
        write_config(folder.path(), config);
        Self::start_in(folder)
    }

    /// Starts a daemon in a folder that has been prepared.
    pub fn start_in(folder: TempDir) -> Self {
        let out = File::create(folder.path().join("daemon.out")).unwrap();
        let mut command = supervisord(folder.path());
        command.stdout(out.try_clone().unwrap()).stderr(out);
        Self::start_by(command, folder)
    }

    /// Starts a daemon that is not waited for.
    pub fn launch(mut command: Command, folder: TempDir) -> Self {
        let process = command.spawn().unwrap();
        Self { folder, process }
    }

    /// Starts a daemon by a command of the test's own.
    pub fn start_by(command: Command, folder: TempDir) -> Self {
        let mut daemon = Self::launch(command, folder);
        wait("the daemon serves", || {
            assert_eq!(daemon.process.try_wait().unwrap(), None, "the daemon ended");
            UnixStream::connect(daemon.path("s.sock")).is_ok() && daemon.rpc("supervisor.getState").contains("RUNNING")
        });
        daemon
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file in the folder; empty if it is not there.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// The lines of the daemon's log, without their time, that hold this.
    pub fn log_lines(&self, part: &str) -> Vec<String> {
        let log = self.read("supervisord.log");
        let lines = log.lines().filter(|line| line.contains(part));
        lines.map(|line| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned()).collect()
    }

    pub fn wait_log(&self, part: &str) {
        wait(&format!("the log says {part:?}"), || !self.log_lines(part).is_empty());
    }

    pub fn reconfigure(&self, config: &str) {
        write_config(self.folder.path(), config);
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `supervisorctl WORDS`, to be run.
    pub fn ctl_command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supervisorctl"));
        command.arg("-c").arg(self.path("supervisord.conf")).args(words.split(' ')).stdin(Stdio::null());
        command
    }

    /// What `supervisorctl WORDS` says, and how it ends.
    pub fn ctl(&self, words: &str) -> Said {
        said(self.ctl_command(words))
    }

    /// What `supervisorctl WORDS` prints.
    pub fn ctl_out(&self, words: &str) -> String {
        self.ctl(words).out
    }

    /// The state of a process, as `supervisorctl status` shows it.
    pub fn state(&self, name: &str) -> String {
        self.ctl_out(&format!("status {name}")).split_whitespace().nth(1).unwrap_or_default().to_owned()
    }

    pub fn wait_state(&self, name: &str, state: &str) {
        wait(&format!("{name} is {state}"), || self.state(name) == state);
    }

    /// The process id of a running program.
    pub fn pid_of(&self, name: &str) -> u32 {
        self.ctl_out(&format!("pid {name}")).trim().parse().unwrap()
    }

    /// Calls an XML-RPC method without parameters; gives the whole answer as text.
    pub fn rpc(&self, method: &str) -> String {
        self.rpc_with(method, "")
    }

    /// Calls an XML-RPC method with parameters as XML.
    pub fn rpc_with(&self, method: &str, params: &str) -> String {
        let body = format!(
            "<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"
        );
        let Ok(mut stream) = UnixStream::connect(self.path("s.sock")) else { return String::new() };
        // A call that is never answered is a test that fails, not one that hangs.
        stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
        let request = format!(
            "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        // A daemon that ends meanwhile answers nothing.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        answer
    }

    /// The other end of the daemon's stdout, if it is a pipe.
    pub fn take_stdout(&mut self) -> std::process::ChildStdout {
        self.process.stdout.take().unwrap()
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, name: &str) {
        kill(self.pid(), name);
    }

    /// kill -9; its folder stays.
    #[allow(dead_code, reason = "tests of clocks take it")]
    pub fn kill(mut self) -> TempDir {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let empty = tempfile::Builder::new().prefix("sv").tempdir().unwrap();
        std::mem::replace(&mut self.folder, empty)
    }

    /// Waits for the daemon's end; gives its exit status.
    pub fn wait_end(&mut self) -> i32 {
        let mut status = None;
        wait("the daemon ends", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("TERM");
            let end = Instant::now() + Duration::from_secs(15);
            while self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > end {
                    let _ = self.process.kill();
                }
                sleep(Duration::from_millis(5));
            }
        }
        leftovers::end(self.folder.path());
        if std::thread::panicking() {
            for name in ["supervisord.log", "daemon.out"] {
                eprintln!("--- {name}\n{}", self.read(name));
            }
        }
    }
}

/// Sends a signal by its name.
pub fn kill(pid: u32, name: &str) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
}

/// True while there is a process of this number that is no zombie.
pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

/// The fields of /proc/PID/stat from the state on.
pub fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(Into::into).collect())
}

/// The children of a process, zombies included.
pub fn children(pid: u32) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|&child| stat(child).is_some_and(|fields| fields[1] == pid.to_string())).collect()
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}
