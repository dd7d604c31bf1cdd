//! `[supervisorctl]` of the main file; supervisorctl ignores `[include]`.
//!
//! Deliberately absent: its command line, which wins over the file (the ctl crate).

use std::path::Path;

use super::plugins::{NO_PYTHON, plugin};
use super::source::read_main;
use super::{Reading, View};
use crate::python::{normalize_path, text};
use crate::tables::ctl::TABLE;
use crate::tables::plugin::CTLPLUGIN;
use crate::{CtlConfig, Errors, Host, Problem};

/// Reads what supervisorctl takes from a file.
///
/// # Errors
/// All that is wrong with it; [`Errors::first`] is what the reference says.
pub fn load_ctl(host: &dyn Host, path: &Path) -> Result<CtlConfig, Errors> {
    let mut reading = Reading::new(host, path, path);
    if read_main(&mut reading, path) && reading.document.section("supervisorctl").is_none() {
        reading.tell(Problem::new(".ini file does not include supervisorctl section"));
    }
    let config = section(&reading);
    let errors = reading.problems.into_inner().list;
    if errors.is_empty() { Ok(config) } else { Err(Errors(errors)) }
}

fn section(reading: &Reading<'_>) -> CtlConfig {
    let host = reading.host;
    let view = || View::new(reading, "supervisorctl", &TABLE);
    let url = view().here().text("serverurl").unwrap_or_default();
    let serverurl = match url.strip_prefix("unix://") {
        Some(path) => format!("unix://{}", text(&normalize_path(host, path))),
        None => url,
    };
    let prompt = view().text("prompt").unwrap_or_default();
    let username = view().text("username");
    let password = view().text("password");
    let history = view().here().text("history_file").filter(|path| !path.is_empty());
    let mut notices = Vec::new();
    for section in reading.sections_with("ctlplugin:") {
        if let Some((_, spec)) = plugin(reading, &section, &CTLPLUGIN) {
            notices.push(format!("{spec} cannot be resolved within [{section}] ({NO_PYTHON})"));
        }
    }
    let history_file = history.map(|path| normalize_path(host, &path));
    CtlConfig { serverurl, username, password, prompt, history_file, notices }
}
