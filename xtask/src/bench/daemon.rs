//! A supervisord in a scratch folder: configured, started, asked, and ended with all it has.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::rpc::Connection;
use super::side::Side;

/// How long anything of a daemon may take before a figure is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long its end may take before it is killed: the reference may not end at all while 100 programs crash-loop.
const ENDING: Duration = Duration::from_secs(60);

/// What is written into the configuration.
#[derive(Default)]
pub struct Plan {
    /// The sections of the programs.
    pub programs: String,
    /// Further lines of `[supervisord]`.
    pub daemon: String,
}

impl Plan {
    /// Adds a `[program:x]` with these options; the standard is to stop at once and to start as RUNNING.
    pub fn program(&mut self, name: &str, command: &str, options: &str) {
        let _ = write!(
            self.programs,
            "[program:{name}]\ncommand={command}\nstartsecs=0\nstopsignal=KILL\nstopwaitsecs=5\n{options}\n\n"
        );
    }

    /// Adds programs that sleep: `p0`, `p1` … with an automatic log for each of their streams.
    pub fn sleepers(&mut self, range: std::ops::Range<usize>) {
        for number in range {
            self.program(&format!("p{number}"), "/bin/sleep 1000000", "");
        }
    }
}

/// A running supervisord.
pub struct Daemon {
    /// Its scratch folder,
    pub home: PathBuf,
    /// and what removes it.
    scratch: Option<Scratch>,
    /// Its port for XML-RPC over TCP.
    pub port: u16,
    /// When it was executed.
    pub began: Instant,
    supervisorctl: PathBuf,
    child: Child,
}

impl Daemon {
    /// Starts it, and waits for nothing.
    pub fn start(side: &Side, plan: &Plan) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("bench-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        write_configuration(&home, port, plan)?;
        let began = Instant::now();
        let child = Command::new(side.programs.join("supervisord"))
            .args(["-n", "-c"])
            .arg(home.join("supervisord.conf"))
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start supervisord of {}", side.name))?;
        let scratch = Some(Scratch(home.clone()));
        Ok(Self { home, scratch, port, began, supervisorctl: side.programs.join("supervisorctl"), child })
    }

    /// Starts it, and waits until so many programs have been RUNNING.
    pub fn running(side: &Side, plan: &Plan, count: usize) -> Result<Self> {
        let mut daemon = Self::start(side, plan)?;
        daemon.until_running(count)?;
        Ok(daemon)
    }

    /// Waits until its log has told so many programs RUNNING; the time since it was executed.
    ///
    /// The log is read rather than the daemon asked, so that the question costs it nothing.
    pub fn until_running(&mut self, count: usize) -> Result<Duration> {
        let mut tail = Tail::of(&self.home.join("supervisord.log"));
        loop {
            if tail.count(b"entered RUNNING state") >= count {
                return Ok(self.began.elapsed());
            }
            self.lives()?;
            if self.began.elapsed() > PATIENCE {
                bail!("{} of {count} programs were RUNNING after {PATIENCE:?}", tail.seen);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn lives(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = std::fs::read_to_string(self.home.join("supervisord.log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(3).collect();
            bail!("supervisord ended with {status}: {}", last.join(" | "));
        }
        Ok(())
    }

    /// Ends it, and leaves its folder to the caller.
    pub fn end(mut self) -> Option<Scratch> {
        self.scratch.take()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A kept connection over its unix socket.
    pub fn unix(&self) -> Result<Connection<UnixStream>> {
        let stream = UnixStream::connect(self.home.join("s.sock")).context("cannot reach supervisord")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection::new(stream))
    }

    /// Its supervisorctl with these words; what it takes, and its output is dropped.
    pub fn ctl(&self, words: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let status = Command::new(&self.supervisorctl)
            .arg("-c")
            .arg(self.home.join("supervisord.conf"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .context("cannot run supervisorctl")?;
        match status.code() {
            Some(0 | 3) => Ok(began.elapsed()),
            _ => bail!("supervisorctl {} ended with {status}", words.join(" ")),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let limit = Instant::now() + ENDING;
        while Instant::now() < limit && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of a daemon; it is removed with this.
pub struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write_configuration(home: &Path, port: u16, plan: &Plan) -> Result<()> {
    let folder = home.display();
    let text = format!(
        "[unix_http_server]\nfile={folder}/s.sock\n\n[inet_http_server]\nport=127.0.0.1:{port}\n\n\
         [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\n\
         [supervisorctl]\nserverurl=unix://{folder}/s.sock\n\n\
         [supervisord]\nlogfile={folder}/supervisord.log\nlogfile_maxbytes=0\npidfile={folder}/supervisord.pid\n\
         childlogdir={folder}\n{}\n\n{}",
        plan.daemon, plan.programs
    );
    std::fs::write(home.join("supervisord.conf"), text).context("cannot write the configuration")
}

/// A growing file, read from where the last look ended.
struct Tail {
    path: PathBuf,
    offset: u64,
    rest: Vec<u8>,
    seen: usize,
}

impl Tail {
    fn of(path: &Path) -> Self {
        Self { path: path.to_path_buf(), offset: 0, rest: Vec::new(), seen: 0 }
    }

    /// How many lines so far hold this text.
    fn count(&mut self, text: &[u8]) -> usize {
        use std::io::{Read, Seek, SeekFrom};
        let Ok(mut file) = std::fs::File::open(&self.path) else { return self.seen };
        if file.seek(SeekFrom::Start(self.offset)).is_ok() {
            self.offset += file.read_to_end(&mut self.rest).unwrap_or_default() as u64;
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        let holds = |line: &&[u8]| line.windows(text.len()).any(|window| window == text);
        self.seen += whole.split(|byte| *byte == b'\n').filter(holds).count();
        self.seen
    }
}
