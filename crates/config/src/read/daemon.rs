//! `[supervisord]`, and the flags over it.
//!
//! Deliberately absent: the limits, the user and the log themselves (the daemon's start-up).

use std::path::{Path, PathBuf};

use super::{Reading, View};
use crate::Flags;
use crate::expand::Text;
use crate::python::{absolute, normalize_path, text};
use crate::tables::supervisord::TABLE;
use crate::types::{DaemonConfig, DaemonLog, UserId};
use crate::{Problem, value};
use model::Level;

impl Reading<'_> {
    pub(super) fn daemon(&mut self, path: &Path, flags: &Flags) -> DaemonConfig {
        let mut config = self.with_flags(self.daemon_section(path), flags);
        config.statefile = match config.statefile {
            Some(path) if path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("none")) => None,
            Some(path) => Some(path),
            None => beside(&config.pidfile),
        };
        for (name, value) in &config.environment {
            self.environment.insert(format!("ENV_{name}"), Text::Str(value.clone()));
        }
        config
    }

    /// What the file says, in the reference's order of reading.
    fn daemon_section(&self, path: &Path) -> DaemonConfig {
        let host = self.host;
        let view = View::new(self, "supervisord", &TABLE).here();
        let directory = |text: &str| value::existing_directory(host, text);
        let file = |text: &str| value::existing_dirpath(host, text);
        // The fields of a literal are evaluated as they are written.
        DaemonConfig {
            file: absolute(host, &path.to_string_lossy()),
            serverurl: None,
            minfds: view.value("minfds", value::count),
            minprocs: view.value("minprocs", value::count),
            directory: view.parsed("directory", directory).map(PathBuf::from),
            // Only its expansion: the account is looked up at the very end.
            user: view.text("user").and(None),
            umask: view.value("umask", value::octal),
            logfile: self.daemon_log(&view.value("logfile", file)),
            logfile_maxbytes: view.value("logfile_maxbytes", value::byte_size),
            logfile_backups: view.value("logfile_backups", value::small_count),
            loglevel: view.parsed("loglevel", value::level).unwrap_or(Level::Info),
            pidfile: normalize_path(host, &view.value("pidfile", file)),
            statefile: view.parsed("statefile", file).map(|path| normalize_path(host, &path)),
            orphans: view.value("orphans", value::orphans),
            identifier: view.text("identifier").unwrap_or_default(),
            nodaemon: view.value("nodaemon", value::boolean),
            silent: view.value("silent", value::boolean),
            childlogdir: self.childlogdir(view.parsed("childlogdir", directory).map(PathBuf::from)),
            nocleanup: view.value("nocleanup", value::boolean),
            strip_ansi: view.value("strip_ansi", value::boolean),
            environment: view.value("environment", value::key_values),
        }
    }

    /// What the command line says wins.
    fn with_flags(&self, config: DaemonConfig, flags: &Flags) -> DaemonConfig {
        let flags = flags.clone();
        DaemonConfig {
            logfile: flags.logfile.map_or(config.logfile, |log| self.daemon_log(&log)),
            logfile_maxbytes: flags.logfile_maxbytes.unwrap_or(config.logfile_maxbytes),
            logfile_backups: flags.logfile_backups.unwrap_or(config.logfile_backups),
            loglevel: flags.loglevel.unwrap_or(config.loglevel),
            pidfile: flags.pidfile.map_or(config.pidfile, |path| normalize_path(self.host, &text(&path))),
            umask: flags.umask.unwrap_or(config.umask),
            nodaemon: config.nodaemon || flags.nodaemon,
            silent: config.silent || flags.silent,
            minfds: flags.minfds.unwrap_or(config.minfds),
            minprocs: flags.minprocs.unwrap_or(config.minprocs),
            nocleanup: config.nocleanup || flags.nocleanup,
            childlogdir: flags.childlogdir.map_or(config.childlogdir, |path| self.childlogdir(Some(path))),
            directory: flags.directory.or(config.directory),
            strip_ansi: config.strip_ansi || flags.strip_ansi,
            identifier: flags.identifier.unwrap_or(config.identifier),
            ..config
        }
    }

    fn childlogdir(&self, path: Option<PathBuf>) -> PathBuf {
        absolute(self.host, &text(&path.unwrap_or_else(|| self.host.temp_dir())))
    }

    fn daemon_log(&self, text: &str) -> DaemonLog {
        match text {
            "syslog" => DaemonLog::Syslog,
            text if text.eq_ignore_ascii_case("none") => DaemonLog::None,
            text => DaemonLog::File(normalize_path(self.host, text)),
        }
    }

    /// The user to become.
    pub(super) fn daemon_user(&self, flags: &Flags) -> Option<UserId> {
        if let Some(name) = &flags.user {
            return value::user(self.host, name).map_err(|words| self.tell(Problem::new(words))).ok();
        }
        View::new(self, "supervisord", &TABLE).here().parsed("user", |text| value::user(self.host, text))
    }
}

/// Where the state is kept if nothing else is said.
fn beside(pidfile: &Path) -> Option<PathBuf> {
    // Containers write it to /dev/null: nothing is to be kept beside that.
    if pidfile.parent() == Some(Path::new("/dev")) {
        return None;
    }
    let mut name = pidfile.as_os_str().to_owned();
    name.push(".state");
    Some(name.into())
}
