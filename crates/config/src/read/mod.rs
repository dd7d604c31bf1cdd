//! From the text of files to a typed configuration: the order of the reference, but all errors instead of the first.
//!
//! Everything is read in the order in which the reference reads it, so that the first error is the one it would stop at.
//! Deliberately absent: the format (`ini`), the types of values (`value`), doubts about what is allowed (`lint`).

mod ctl;
mod daemon;
mod fcgi;
mod groups;
mod listener;
mod plugins;
mod process;
mod servers;
mod source;
mod view;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use model::Level;

use crate::expand::Text;
use crate::ini::Document;
use crate::types::{Config, Message};
use crate::{Errors, Flags, Host, Problem, lint};

pub use ctl::load_ctl;
pub(crate) use view::View;

/// What a reading found, good and bad.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The configuration, if there is no error.
    pub config: Option<Config>,
    /// What the daemon would not start with, in the reference's order.
    pub errors: Vec<Problem>,
    /// What it starts with although it is doubtful: what the reference swallows without a word.
    pub warnings: Vec<Problem>,
}

/// Reads a configuration and tells everything that can be told of it.
#[must_use]
pub fn check(host: &dyn Host, path: &Path, flags: &Flags) -> Report {
    check_as(host, path, path, flags)
}

/// Like [`check`], with the name that the reference's words give the file: it says what a person wrote, also where the file
/// must be found from another folder. Places keep the path.
#[must_use]
pub fn check_as(host: &dyn Host, path: &Path, name: &Path, flags: &Flags) -> Report {
    let mut reading = Reading::new(host, path, name);
    let mut config = None;
    if reading.read_files(path) {
        lint::lint(&reading);
        config = Some(reading.config(path, flags));
    }
    let warnings = reading.doubts.into_inner();
    let errors = reading.problems.into_inner().list;
    let config = config.filter(|_| errors.is_empty()).map(|mut config| {
        let said = reading.said.into_inner();
        let doubts = warnings.iter().map(|doubt| (Level::Warn, doubt.to_string()));
        let lines = said.warnings.into_iter().map(|text| (Level::Warn, text)).chain(doubts);
        let lines = lines.chain(said.infos.into_iter().map(|text| (Level::Info, text)));
        config.messages = lines.map(|(level, text)| Message { level, text }).collect();
        config
    });
    Report { config, errors, warnings }
}

/// Reads the configuration of supervisord.
///
/// # Errors
/// All that is wrong with it; [`Errors::first`] is what the reference says.
pub fn load(host: &dyn Host, path: &Path, flags: &Flags) -> Result<Config, Errors> {
    let report = check(host, path, flags);
    report.config.ok_or(Errors(report.errors))
}

/// A reading under way.
pub(crate) struct Reading<'a> {
    pub host: &'a dyn Host,
    pub document: Document,
    /// `ENV_…` names; those of `[supervisord] environment` join them.
    pub environment: BTreeMap<String, Text>,
    /// The folder of the main file.
    pub here: String,
    /// The main file as words name it.
    pub file: String,
    /// The included files that sections were first seen in.
    pub origins: HashMap<String, String>,
    problems: RefCell<Problems>,
    doubts: RefCell<Vec<Problem>>,
    said: RefCell<Said>,
}

/// What the reference says in its log when it starts.
#[derive(Default)]
struct Said {
    warnings: Vec<String>,
    infos: Vec<String>,
}

#[derive(Default)]
struct Problems {
    list: Vec<Problem>,
    /// An option is told of once, however often it is read.
    told: HashSet<(String, String)>,
}

/// More problems than this help nobody.
const MOST_PROBLEMS: usize = 1000;

impl<'a> Reading<'a> {
    fn new(host: &'a dyn Host, path: &Path, name: &Path) -> Self {
        let environment = host.environment().into_iter();
        Self {
            host,
            document: Document::default(),
            environment: environment.map(|(name, value)| (format!("ENV_{name}"), Text::Str(value))).collect(),
            here: source::folder_of(host, path),
            file: name.to_string_lossy().into_owned(),
            origins: HashMap::new(),
            problems: RefCell::default(),
            doubts: RefCell::default(),
            said: RefCell::default(),
        }
    }

    /// Tells a problem.
    pub fn tell(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.list.len() < MOST_PROBLEMS {
            problems.list.push(problem);
        }
    }

    /// Tells a problem of one option, unless one has been told already.
    pub fn tell_once(&self, problem: Problem) {
        let key = (problem.section.clone().unwrap_or_default(), problem.option.clone().unwrap_or_default());
        if self.problems.borrow_mut().told.insert(key) {
            self.tell(problem);
        }
    }

    /// Tells something doubtful.
    pub fn doubt(&self, problem: Problem) {
        let mut doubts = self.doubts.borrow_mut();
        if doubts.len() < MOST_PROBLEMS {
            doubts.push(problem);
        }
    }

    /// A line of the log in the reference's words.
    fn warn(&self, text: String) {
        self.said.borrow_mut().warnings.push(text);
    }

    fn problem_count(&self) -> usize {
        self.problems.borrow().list.len()
    }

    /// A problem with a section as a whole.
    pub fn section_problem(&self, section: &str, text: impl Into<String>) -> Problem {
        Problem {
            place: self.document.section(section).and_then(|section| section.place.clone()),
            section: Some(section.into()),
            ..Problem::new(text)
        }
    }

    /// The names of the sections that begin so, in the order of the file.
    fn sections_with(&self, prefix: &str) -> Vec<String> {
        let names = self.document.sections().iter().map(|section| &section.name);
        names.filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    fn config(&mut self, path: &Path, flags: &Flags) -> Config {
        let mut daemon = self.daemon(path, flags);
        let rpc_interfaces = self.rpc_interfaces();
        let groups = self.groups(&daemon);
        let servers = self.servers();
        daemon.serverurl = servers::default_url(&servers);
        // The reference looks for the user only when all else is read.
        daemon.user = self.daemon_user(flags);
        Config { daemon, servers, groups, rpc_interfaces, messages: Vec::new() }
    }
}
