//! Sections and options that name a Python function. Those that ship with Supervisor are built in; of the others nothing
//! can be run, and that is said instead of leaving them out.
//!
//! Deliberately absent: Python.

use super::{Reading, View};
use crate::Problem;
use crate::tables::Table;
use crate::tables::plugin::RPCINTERFACE;
use crate::types::ResultHandler;

/// A function's name without the blanks that an entry point may have, and a package's dashes as Python spells them.
fn normal(spec: &str) -> String {
    spec.chars().filter(|c| !c.is_whitespace()).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// The result handler with this name.
pub(super) fn result_handler(spec: &str) -> Option<ResultHandler> {
    match normal(spec).as_str() {
        "supervisor.dispatchers:default_handler" => Some(ResultHandler::Default),
        "supervisor_stdout:event_handler" | "supervisor_stdout:result_handler" => Some(ResultHandler::SupervisorStdout),
        _ => None,
    }
}

/// What to do about a plugin that cannot be had.
pub(super) const NO_PYTHON: &str = "it is a Python plugin, and this daemon runs no Python: remove the section";

/// A plugin section: its name after the colon and the function it names.
pub(super) fn plugin(reading: &Reading<'_>, section: &str, table: &'static Table) -> Option<(String, String)> {
    let view = View::new(reading, section, table);
    let key = table.rows.first()?.name;
    let spec = view.text(key);
    if spec.is_none() && !view.is_set(key) {
        let problem = reading.section_problem(section, format!("section [{section}] does not specify a {key}"));
        reading.tell(problem.hint("add that line, or remove the section"));
    }
    let name = section.split_once(':').map_or("", |(_, name)| name);
    Some((name.to_owned(), spec?))
}

impl Reading<'_> {
    /// The interfaces that are known.
    pub(super) fn rpc_interfaces(&self) -> Vec<String> {
        let mut interfaces = Vec::new();
        for section in self.sections_with("rpcinterface:") {
            let Some((name, spec)) = plugin(self, &section, &RPCINTERFACE) else { continue };
            if normal(&spec) == "supervisor.rpcinterface:make_main_rpcinterface" {
                self.expand_extras(&section);
                interfaces.push(name);
            } else {
                let words = format!("{spec} cannot be resolved within [{section}]");
                let view = View::new(self, &section, &RPCINTERFACE);
                let key = RPCINTERFACE.rows.first().map_or("", |row| row.name);
                self.tell(Problem { hint: Some(NO_PYTHON.into()), ..view.problem(key, words) });
            }
        }
        interfaces
    }

    /// Options of a plugin section mean nothing to us, but the reference expands them and refuses what it cannot.
    fn expand_extras(&self, section: &str) {
        let view = View::new(self, section, &RPCINTERFACE);
        for setting in self.document.settings(section) {
            view.expanded(&setting.name, &format!("{section}.{}", setting.name), &setting.value);
        }
    }
}
