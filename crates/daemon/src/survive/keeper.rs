//! The thread that writes the state file: control hands it changes and never waits.
//!
//! A change is a line at the end. When the file has grown well past what it says it is written anew and renamed, so that it
//! is whole at every moment. What waits to be written is at most one record a group and a process. A file that cannot be
//! written is told once, tried again, and told once more when it can.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use engine::ProcessId;
use engine::handover::Change;
use model::Level;

use super::record::{Header, Line, Record};

/// A file that is smaller is not written anew.
const SMALL: u64 = 256 * 1024;
/// So many times the size of what it says a file may grow.
const GROWTH: u64 = 4;
/// Between two tries while it cannot be written.
const PAUSE: Duration = Duration::from_secs(5);
/// Changes that follow each other faster than this are written together.
const BURST: Duration = Duration::from_millis(10);
/// The last write may take so long.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Group(String),
    Process(ProcessId),
}

impl Key {
    fn of(record: &Record) -> Self {
        match &record.change {
            Change::Group { config, .. } => Self::Group(config.name.clone()),
            Change::Removed { group } => Self::Group(group.clone()),
            Change::Process(state) => Self::Process(state.id),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Desk>,
    bell: Condvar,
    /// The first writing was tried.
    tried: Condvar,
}

/// The first writing, for which the start waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Beginning {
    #[default]
    Unasked,
    Asked,
    Tried,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: BTreeMap<Key, Record>,
    beginning: Beginning,
    closed: bool,
    /// The file outlives the thread.
    stays: bool,
}

impl Shared {
    /// A panic elsewhere while the lock was held leaves whole records.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to write, or the end has come; without `pause` as long as it takes.
    fn wait(&self, pause: Option<Duration>) {
        let mut desk = self.desk();
        while desk.waiting.is_empty() && !desk.closed && desk.beginning != Beginning::Asked {
            let Some(pause) = pause else {
                desk = self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(self.bell.wait_timeout(desk, pause));
            return;
        }
    }

    /// What is to be written, and whether it is the last.
    fn take(&self) -> Desk {
        let mut desk = self.desk();
        let (beginning, closed, stays) = (desk.beginning, desk.closed, desk.stays);
        Desk { waiting: std::mem::take(&mut desk.waiting), beginning, closed, stays }
    }
}

/// The thread's other end.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    ended: mpsc::Receiver<()>,
}

impl Keeper {
    /// Starts the thread. Until `begin` or the first change the file stays as it is. `log` takes lines for the daemon's log.
    ///
    /// # Errors
    /// No thread is to be had.
    pub fn start(path: PathBuf, header: Header, log: impl Fn(Level, String) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (end, ended) = mpsc::channel();
        let theirs = Arc::clone(&shared);
        let mut notebook = Notebook::new(path, header);
        thread::Builder::new().name("keeper".into()).stack_size(512 * 1024).spawn(move || {
            notebook.keep(&theirs, &log);
            let _ = end.send(());
        })?;
        Ok(Self { shared, ended })
    }

    /// Have these written soon; never waits.
    pub fn put(&self, records: impl IntoIterator<Item = Record>) {
        let mut desk = self.shared.desk();
        for record in records {
            desk.waiting.insert(Key::of(&record), record);
        }
        drop(desk);
        self.shared.bell.notify_one();
    }

    /// Has the file written before the first child is started, with these records if there are any. Waits for it, but not
    /// for ever: a disk that hangs delays the start only.
    pub fn begin(&self, records: impl IntoIterator<Item = Record>) {
        self.shared.desk().beginning = Beginning::Asked;
        self.put(records);
        let desk = self.shared.desk();
        let asked = |desk: &mut Desk| desk.beginning == Beginning::Asked;
        drop(self.shared.tried.wait_timeout_while(desk, PATIENCE, asked));
    }

    /// Another daemon goes on in this process: the file says all that is known, and stays.
    pub fn leave(self) {
        self.shared.desk().stays = true;
        self.finish();
    }

    /// The daemon ends in order: nothing is left to adopt, and the file is removed.
    pub fn finish(self) {
        self.shared.desk().closed = true;
        self.shared.bell.notify_one();
        // A disk that hangs is left behind.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// What the thread works with.
struct Notebook {
    path: PathBuf,
    header: Header,
    /// All that the file has to say.
    current: BTreeMap<Key, Box<Record>>,
    file: Option<File>,
    size: u64,
    /// Its size when it was last written anew.
    base: u64,
    failed: bool,
}

impl Notebook {
    const fn new(path: PathBuf, header: Header) -> Self {
        Self { path, header, current: BTreeMap::new(), file: None, size: 0, base: 0, failed: false }
    }

    fn keep(&mut self, shared: &Shared, log: &impl Fn(Level, String)) {
        let mut written: Option<Instant> = None;
        loop {
            shared.wait(self.failed.then_some(PAUSE));
            // One change is written at once, a burst of them together.
            if let Some(rest) = written.and_then(|written| BURST.checked_sub(written.elapsed())) {
                thread::sleep(rest);
            }
            let Desk { waiting, beginning, closed, stays } = shared.take();
            if closed {
                if stays {
                    let _ = self.note(waiting);
                } else if self.file.is_some() {
                    let _ = fs::remove_file(&self.path);
                }
                return;
            }
            let result = self.note(waiting);
            self.tell(result, log);
            written = Some(Instant::now());
            if beginning == Beginning::Asked {
                shared.desk().beginning = Beginning::Tried;
                shared.tried.notify_all();
            }
        }
    }

    fn tell(&mut self, result: io::Result<()>, log: &impl Fn(Level, String)) {
        let path = self.path.display();
        match result {
            Ok(()) if self.failed => {
                self.failed = false;
                log(Level::Info, format!("the state file {path} is written again"));
            }
            Err(error) if !self.failed => {
                self.failed = true;
                let why = sys::errno::of(&error);
                log(
                    Level::Warn,
                    format!("cannot write the state file {path}: {why}; a crash now would not be survived"),
                );
            }
            Ok(()) | Err(_) => {}
        }
    }

    fn note(&mut self, records: BTreeMap<Key, Record>) -> io::Result<()> {
        let mut text = Vec::new();
        for (key, record) in records {
            line(&mut text, &Line::Record(Box::new(record.clone())))?;
            self.enter(key, record);
        }
        let grown = self.size > SMALL.max(self.base.saturating_mul(GROWTH));
        match &mut self.file {
            Some(file) if !self.failed && !grown && file.metadata()?.nlink() > 0 => {
                file.write_all(&text)?;
                self.size += text.len() as u64;
                Ok(())
            }
            _ => self.write_anew(),
        }
    }

    /// The last word counts; processes of a group that went are forgotten.
    fn enter(&mut self, key: Key, record: Record) {
        let old = match &record.change {
            Change::Process(_) => None,
            Change::Group { .. } | Change::Removed { .. } => self.current.remove(&key),
        };
        let stays: &[ProcessId] = match &record.change {
            Change::Group { members, .. } => members,
            Change::Removed { .. } | Change::Process(_) => &[],
        };
        if let Some(Record { change: Change::Group { members, .. }, .. }) = old.as_deref() {
            for gone in members.iter().filter(|id| !stays.contains(id)) {
                self.current.remove(&Key::Process(*gone));
            }
        }
        if !matches!(record.change, Change::Removed { .. }) {
            self.current.insert(key, Box::new(record));
        }
    }

    fn write_anew(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        line(&mut text, &Line::Header(self.header.clone()))?;
        for record in self.current.values() {
            line(&mut text, &Line::Record(record.clone()))?;
        }
        let new = with_suffix(&self.path, ".new");
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&new)?;
        if let Err(error) = file.write_all(&text).and_then(|()| fs::rename(&new, &self.path)) {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        self.size = text.len() as u64;
        self.base = self.size;
        self.file = Some(file);
        Ok(())
    }
}

fn line(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_begins_before_anything_is_to_be_noted_and_a_disk_that_says_no_delays_nobody_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let header = Header::own(Some("unix:///x".into()), None).unwrap();
        let keeper = Keeper::start(path.clone(), header.clone(), |_, _| {}).unwrap();
        keeper.begin([]);
        let written = super::super::record::read(&path).unwrap().unwrap();
        assert_eq!((written.header, written.groups.len()), (header.clone(), 0));
        keeper.finish();
        assert!(!path.exists());
        let (tell, told) = mpsc::channel();
        let nowhere = folder.path().join("nowhere/state");
        let keeper = Keeper::start(nowhere, header, move |_, text| tell.send(text).unwrap()).unwrap();
        keeper.begin([]);
        assert!(told.try_recv().unwrap().contains("cannot write the state file"), "it was tried");
    }
}
