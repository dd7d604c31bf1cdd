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
        let config = self.daemon_section(path, flags);
        for (name, value) in &config.environment {
            self.environment.insert(format!("ENV_{name}"), Text::Str(value.clone()));
        }
        config
    }

    fn daemon_section(&self, path: &Path, flags: &Flags) -> DaemonConfig {
        let host = self.host;
        let view = View::new(self, "supervisord", &TABLE).here();
        let directory = |text: &str| value::existing_directory(host, text);
        let file = |text: &str| value::existing_dirpath(host, text);
        // In the reference's order.
        let minfds = view.value("minfds", value::count);
        let minprocs = view.value("minprocs", value::count);
        let own_directory = view.parsed("directory", directory);
        // Only its expansion: the account is looked up at the very end.
        let _ = view.text("user");
        let umask = view.value("umask", value::octal);
        let logfile = view.value("logfile", file);
        let logfile_maxbytes = view.value("logfile_maxbytes", value::byte_size);
        let logfile_backups = view.value("logfile_backups", value::small_count);
        let loglevel = view.parsed("loglevel", value::level).unwrap_or(Level::Info);
        let pidfile = view.value("pidfile", file);
        let identifier = view.text("identifier").unwrap_or_default();
        let nodaemon = view.value("nodaemon", value::boolean);
        let silent = view.value("silent", value::boolean);
        let childlogdir = view.parsed("childlogdir", directory).map_or_else(|| host.temp_dir(), PathBuf::from);
        let nocleanup = view.value("nocleanup", value::boolean);
        let strip_ansi = view.value("strip_ansi", value::boolean);
        let environment = view.value("environment", value::key_values);
        let log = flags.logfile.as_deref().unwrap_or(&logfile);
        DaemonConfig {
            file: absolute(host, &path.to_string_lossy()),
            logfile: self.daemon_log(log),
            logfile_maxbytes: flags.logfile_maxbytes.unwrap_or(logfile_maxbytes),
            logfile_backups: flags.logfile_backups.unwrap_or(logfile_backups),
            loglevel: flags.loglevel.unwrap_or(loglevel),
            pidfile: normalize_path(host, &flags.pidfile.as_deref().map_or(pidfile, text)),
            umask: flags.umask.unwrap_or(umask),
            nodaemon: nodaemon || flags.nodaemon,
            silent: silent || flags.silent,
            minfds: flags.minfds.unwrap_or(minfds),
            minprocs: flags.minprocs.unwrap_or(minprocs),
            nocleanup: nocleanup || flags.nocleanup,
            childlogdir: absolute(host, &text(flags.childlogdir.as_deref().unwrap_or(&childlogdir))),
            user: None,
            directory: flags.directory.clone().or(own_directory.map(PathBuf::from)),
            strip_ansi: strip_ansi || flags.strip_ansi,
            environment,
            identifier: flags.identifier.clone().unwrap_or(identifier),
            serverurl: None,
        }
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
