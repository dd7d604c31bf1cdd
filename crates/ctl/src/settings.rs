//! What holds for this run: the command line over the `[supervisorctl]` section over the defaults.
//!
//! Deliberately absent: the ini format and the section's options (those are `config`'s).

use std::path::{Path, PathBuf};

use config::CtlConfig;

use crate::options::Options;

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the server listens.
    pub serverurl: String,
    /// For basic authentication.
    pub username: Option<String>,
    /// For basic authentication.
    pub password: Option<String>,
    /// What the shell's prompt begins with.
    pub prompt: String,
    /// Where the shell keeps what was typed.
    pub history_file: Option<PathBuf>,
    /// There will be a shell.
    pub interactive: bool,
    /// What the configuration asks for and this program cannot do.
    pub notices: Vec<String>,
}

/// Settle them.
///
/// # Errors
/// A configuration file that is missing or wrong, in the words after `Error:`.
pub fn settle(options: &Options, program: &str) -> Result<Settings, String> {
    let file = from_file(options.configuration.as_deref(), Path::new(program))?;
    Ok(Settings {
        serverurl: options.serverurl.clone().unwrap_or(file.serverurl),
        username: options.username.clone().or(file.username),
        password: options.password.clone().or(file.password),
        prompt: file.prompt,
        history_file: options.history_file.clone().or(file.history_file),
        interactive: options.interactive || options.action.is_empty(),
        notices: file.notices,
    })
}

fn from_file(named: Option<&Path>, program: &Path) -> Result<CtlConfig, String> {
    let host = sys::host::RealHost::new();
    let path = match named {
        // `-c ""` is no file and no search: the defaults hold.
        Some(path) if path.as_os_str().is_empty() => return Ok(CtlConfig::default()),
        Some(path) => path.to_owned(),
        // No file at all is no mistake: the defaults hold.
        None => match config::search(&host, program) {
            Ok(path) => path,
            Err(_) => return Ok(CtlConfig::default()),
        },
    };
    config::load_ctl(&host, &path).map_err(|errors| errors.first().to_owned())
}
