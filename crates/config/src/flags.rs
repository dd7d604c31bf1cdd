//! What a command line may set over the configuration file, and where the file is looked for when none is named.
//!
//! Deliberately absent: the command line itself (the daemon's `options`, supervisorctl's own).

use std::path::{Path, PathBuf};

use model::Level;
use serde::{Deserialize, Serialize};

use crate::Host;

/// Values of `[supervisord]` that the command line gives; each, if given, wins over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// `-n`.
    pub nodaemon: bool,
    /// `-s`.
    pub silent: bool,
    /// `-k`.
    pub nocleanup: bool,
    /// `--strip_ansi`.
    pub strip_ansi: bool,
    /// `-u`, a name or a number.
    pub user: Option<String>,
    /// `-m`.
    pub umask: Option<u32>,
    /// `-d`.
    pub directory: Option<PathBuf>,
    /// `-l`, a path or `syslog`.
    pub logfile: Option<String>,
    /// `-y`.
    pub logfile_maxbytes: Option<u64>,
    /// `-z`.
    pub logfile_backups: Option<u32>,
    /// `-e`.
    pub loglevel: Option<Level>,
    /// `-j`.
    pub pidfile: Option<PathBuf>,
    /// `-i`.
    pub identifier: Option<String>,
    /// `-q`.
    pub childlogdir: Option<PathBuf>,
    /// `-a`.
    pub minfds: Option<u64>,
    /// `--minprocs`.
    pub minprocs: Option<u64>,
}

/// Where the configuration file is looked for, in this order. `program` is the path that was executed.
#[must_use]
pub fn search_paths(program: &Path) -> Vec<PathBuf> {
    let prefix = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    vec![
        prefix.join("etc/supervisord.conf"),
        prefix.join("supervisord.conf"),
        "supervisord.conf".into(),
        "etc/supervisord.conf".into(),
        "/etc/supervisord.conf".into(),
        "/etc/supervisor/supervisord.conf".into(),
    ]
}

/// The first of the search paths that exists.
///
/// # Errors
/// The words of the usage error that names them all.
pub fn search(host: &dyn Host, program: &Path) -> Result<PathBuf, String> {
    let paths = search_paths(program);
    paths.iter().find(|path| host.exists(path)).cloned().ok_or_else(|| {
        let names: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        format!(
            "No config file found at default paths ({}); use the -c option to specify a config file at a different path",
            names.join(", ")
        )
    })
}

/// What supervisorctl takes from its `[supervisorctl]` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtlConfig {
    /// `serverurl=`: `http://…` or `unix:///absolute/path`.
    pub serverurl: String,
    /// `username=`.
    pub username: Option<String>,
    /// `password=`.
    pub password: Option<String>,
    /// `prompt=`.
    pub prompt: String,
    /// `history_file=`, absolute.
    pub history_file: Option<PathBuf>,
    /// What a user must know of the file although it works, a line each: plugins that are left out.
    pub notices: Vec<String>,
}

impl Default for CtlConfig {
    /// What holds without a file.
    fn default() -> Self {
        Self {
            serverurl: "http://localhost:9001".into(),
            username: None,
            password: None,
            prompt: "supervisor".into(),
            history_file: None,
            notices: Vec::new(),
        }
    }
}
