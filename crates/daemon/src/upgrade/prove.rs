//! The proof: the program at the daemon's path is started as a child, gets the state as its stdin, and says that it accepts
//! it. Whatever else it does (it is no program, crashes, hangs, says something else) is a refusal.
//!
//! Deliberately absent: descriptors, which it is not given.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use sys::errno;
use sys::helper::{self, Answer};
use sys::spawn::{ChildPlan, ChildSpec};

use super::form::Parcel;
use crate::control;

/// The option by which a program is asked; no help tells of it.
pub const PROVE: &str = "--prove-handover";

/// What a program says that accepts.
const ACCEPTED: &str = "the handover is accepted";
/// How long it may take.
const TIME: Duration = Duration::from_secs(10);
/// Bytes that it may say.
const MOST: u64 = 4096;
/// Characters of it that are told.
const TOLD: usize = 500;

/// A program that has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    path: PathBuf,
    identity: Option<[i64; 4]>,
}

impl Proven {
    fn of(path: &Path) -> Self {
        let signed = |number: u64| number.cast_signed();
        let found = fs::metadata(path).ok();
        let identity = found.map(|found| {
            [signed(found.dev()), signed(found.ino()), signed(found.size()), found.mtime_nsec() ^ found.mtime()]
        });
        Self { path: path.to_owned(), identity }
    }

    /// It has not been replaced since.
    #[must_use]
    pub fn is_still_there(&self) -> bool {
        self.identity.is_some() && *self == Self::of(&self.path)
    }
}

/// Asks the program at the daemon's path. Waits for it.
///
/// # Errors
/// The reason why there is no upgrade, in words.
pub fn prove(parcel: &Parcel) -> Result<Proven, String> {
    let path = &parcel.about.path;
    let shown = path.display();
    let cannot = |error: &io::Error| format!("{shown} cannot be run: {}", errno::of(error));
    let proven = Proven::of(path);
    if !is_program(path).map_err(|error| cannot(&error))? {
        return Err(format!("{shown} is not a program"));
    }
    let text = parcel.encode()?;
    let stdin = sys::handover::text("supervisord-proof", &text).map_err(|error| format!("no memory: {error}"))?;
    let argv = vec![path.clone().into_os_string(), PROVE.into()];
    let environment = std::env::vars_os().collect();
    let plan = ChildPlan::new(ChildSpec { program: path.clone(), argv, environment, ..ChildSpec::default() });
    let plan = plan.map_err(|error| cannot(&error))?;
    let said = match helper::ask(&plan, stdin.as_fd(), true, MOST, TIME).map_err(|error| cannot(&error))? {
        Answer::Said(said) => String::from_utf8_lossy(&said).into_owned(),
        Answer::Late => return Err(format!("{shown} did not answer within {} s", TIME.as_secs())),
    };
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.last() {
        Some(&ACCEPTED) => Ok(proven),
        Some(_) => {
            let told: String = lines.join("; ").chars().take(TOLD).collect();
            Err(format!("{shown} does not accept the state: {told}"))
        }
        None => Err(format!("{shown} ended without an answer")),
    }
}

/// What is neither is told in plain words.
fn is_program(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == b"\x7fELF" || magic.starts_with(b"#!"))
}

/// The other side: says whether this program accepts the handover on stdin.
#[must_use]
pub fn answer() -> ExitCode {
    match try_out() {
        Ok(()) => {
            println!("{ACCEPTED}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Does all that the successor will do, without descriptors.
fn try_out() -> Result<(), String> {
    let text = sys::handover::read(&io::stdin().as_fd()).map_err(|error| format!("no handover on stdin: {error}"))?;
    let parcel = Parcel::decode(&text)?;
    let Parcel { about, engine, base, read, .. } = parcel;
    // It is not used for the upgrade, but the next reread or start would fail.
    let loaded = crate::startup::load(&about.file, &about.options);
    loaded.map_err(|errors| format!("the configuration is not accepted: {}", errors.first()))?;
    let read = read.unwrap_or_else(|| Arc::clone(&base));
    Engine::take_up(engine, base, read, control::local()).map_err(|error| error.to_string())?;
    Ok(())
}

/// The path at which a successor is looked for. Whoever changes a symbolic link to the program wants what it leads to then;
/// so the path by which this one was started counts, if it leads here.
#[must_use]
pub fn own_path(program: &Path, here: &Path) -> Option<PathBuf> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let named = here.join(program);
    let own = Path::new("/proc/self/exe");
    if identity(&named).is_some() && identity(&named) == identity(own) {
        return Some(named);
    }
    fs::read_link(own).ok()
}
