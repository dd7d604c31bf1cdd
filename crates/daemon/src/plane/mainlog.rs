//! The daemon's own log, and with it all that is open: it is opened before the daemon goes into the background, when there
//! is no plane yet, and handed to the plane later.
//!
//! A line is `2026-11-22 20:22:02,976 INFO text` in local time. In the foreground it goes to stdout as well, unless silent.

use std::io;
use std::path::PathBuf;

use config::{DaemonConfig, DaemonLog};
use engine::input::ClearError;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use model::{Level, WallTime};
use sys::errno;

use super::messages::ChannelOrder;
use super::sink::{SinkId, Sinks};
use super::syslog::{Source, Syslog};

/// The daemon's log cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("can't open the log file {path}: {}", errno::of(.error))]
pub struct LogError {
    /// `logfile=`.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// The daemon's log, and every sink.
#[derive(Debug)]
pub struct Logs {
    level: Level,
    file: Option<(SinkId, PathBuf)>,
    console: Option<SinkId>,
    to_syslog: bool,
    zone: TimeZone,
    /// The daemon's stdout for what is printed, whether or not it is a log.
    stdout: Option<SinkId>,
    pub(super) sinks: Sinks,
    pub(super) syslog: Syslog,
}

/// Trouble with the log is itself logged, which may make trouble: so many rounds of that.
const ROUNDS: usize = 4;

impl Logs {
    /// Open the daemon's log as configured.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(config: &DaemonConfig) -> Result<Self, LogError> {
        let mut sinks = Sinks::default();
        let file = match &config.logfile {
            DaemonLog::File(path) => {
                let opened = sinks.open(path, config.logfile_maxbytes, config.logfile_backups);
                let id = opened.map_err(|error| LogError { path: path.clone(), error })?;
                Some((id, path.clone()))
            }
            DaemonLog::Syslog | DaemonLog::None => None,
        };
        Ok(Self::around(config, file, sinks))
    }

    /// Open again what another daemon of this process had open; never fails: what cannot be opened waits.
    #[must_use]
    pub fn open_again(config: &DaemonConfig) -> Self {
        let mut sinks = Sinks::default();
        let file = match &config.logfile {
            DaemonLog::File(path) => {
                Some((sinks.open_again(path, config.logfile_maxbytes, config.logfile_backups), path.clone()))
            }
            DaemonLog::Syslog | DaemonLog::None => None,
        };
        Self::around(config, file, sinks)
    }

    fn around(config: &DaemonConfig, file: Option<(SinkId, PathBuf)>, mut sinks: Sinks) -> Self {
        // A daemon without a stdout is no error: then nobody reads it.
        let console = if config.nodaemon && !config.silent { sinks.open_stdout().ok() } else { None };
        Self {
            level: config.loglevel,
            file,
            console,
            to_syslog: config.logfile == DaemonLog::Syslog,
            zone: TimeZone::system(),
            stdout: None,
            sinks,
            syslog: Syslog::default(),
        }
    }

    /// True if lines of this level are logged.
    #[must_use]
    pub fn logs(&self, level: Level) -> bool {
        level >= self.level
    }

    /// Log a line.
    pub fn log(&mut self, level: Level, at: WallTime, text: &str) {
        if !self.logs(level) {
            return;
        }
        let zoned = self.local(at);
        let head = format!("{} {}", stamp(&zoned), level.tag());
        let line = format!("{head} {text}\n");
        for id in self.console.into_iter().chain(self.file.as_ref().map(|(id, _)| *id)) {
            self.sinks.write(id, line.as_bytes());
        }
        if self.to_syslog {
            let prefix = head + " ";
            self.syslog.send(&zoned, Source::Daemon(level), &prefix, text.as_bytes(), &mut self.sinks.notices);
        }
    }

    /// Send a program's output to syslog.
    pub fn send_to_syslog(&mut self, name: &str, order: &ChannelOrder, data: &[u8]) {
        let now = self.local(sys::clock::wall());
        let source = Source::Program { process: name, group: &order.group, channel: order.channel };
        self.syslog.send(&now, source, &format!("{name} "), data, &mut self.sinks.notices);
    }

    /// Log what the sinks have to say.
    pub fn tell(&mut self) {
        for _ in 0..ROUNDS {
            let notices = std::mem::take(&mut self.sinks.notices);
            if notices.is_empty() {
                return;
            }
            for (level, text) in notices {
                self.log(level, sys::clock::wall(), &text);
            }
        }
    }

    /// Write to the daemon's stdout.
    pub fn print(&mut self, data: &[u8]) {
        if self.stdout.is_none() {
            self.stdout = self.sinks.open_stdout().ok();
        }
        if let Some(id) = self.stdout {
            self.sinks.write(id, data);
        }
    }

    /// Close and open again everything, the daemon's log first.
    pub fn reopen(&mut self) {
        let own = self.file.as_ref().map(|(id, _)| *id);
        if let Some(id) = own {
            self.sinks.reopen(id);
        }
        for id in self.sinks.ids().into_iter().filter(|&id| Some(id) != own) {
            self.sinks.reopen(id);
        }
    }

    /// Remove the daemon's log and open it anew. As in the reference, one line for each place that it is logged to is
    /// written before.
    ///
    /// # Errors
    /// It is no file, is not there, or cannot be removed.
    pub fn clear(&mut self) -> Result<(), ClearError> {
        let Some((id, path)) = self.file.clone() else { return Err(ClearError::NoFile) };
        if !path.exists() {
            return Err(ClearError::NoFile);
        }
        let places = usize::from(self.console.is_some()) + 1;
        for _ in 0..places {
            self.log(Level::Info, sys::clock::wall(), "reopening log file");
        }
        self.sinks.clear(id).map_err(|_| ClearError::Failed)
    }

    fn local(&self, at: WallTime) -> Zoned {
        Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default().to_zoned(self.zone.clone())
    }
}

/// `2026-11-22 20:22:02,976`, milliseconds rounded down.
fn stamp(at: &Zoned) -> String {
    format!("{},{:03}", at.strftime("%Y-%m-%d %H:%M:%S"), at.subsec_nanosecond() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_date_and_time_with_milliseconds() {
        let at = Timestamp::from_nanosecond(1_793_910_122_976_999_999).unwrap().to_zoned(TimeZone::UTC);
        assert_eq!(stamp(&at), "2026-11-05 20:22:02,976");
    }
}
