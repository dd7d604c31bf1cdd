//! The groups: those that are written, then one for each program, listener and FastCGI program that is in none.
//!
//! Deliberately absent: what differs between them (`process`, `listener`, `fcgi`).

use std::collections::HashSet;
use std::sync::Arc;

use super::{Reading, View};
use crate::Problem;
use crate::tables::{fcgi, group, program};
use crate::types::{DaemonConfig, GroupConfig, GroupKind, ProcessConfig};
use crate::value;

impl Reading<'_> {
    pub(super) fn groups(&self, daemon: &DaemonConfig) -> Vec<Arc<GroupConfig>> {
        let mut groups = Vec::new();
        let mut taken = HashSet::new();
        for section in self.sections_with("group:") {
            groups.push(self.group(&section, daemon, &mut taken));
        }
        for section in self.sections_with("program:") {
            if !taken.contains(&section) {
                groups.push(self.program(&section, daemon));
            }
        }
        for section in self.sections_with("eventlistener:") {
            groups.extend(self.listener(&section, daemon));
        }
        for section in self.sections_with("fcgi-program:") {
            if !taken.contains(&section) {
                groups.extend(self.fcgi_program(&section, daemon));
            }
        }
        groups.sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.name.cmp(&b.name)));
        shared(groups)
    }

    /// The name after the colon, checked.
    pub(super) fn name_of(&self, section: &str) -> String {
        self.name_with(section, "")
    }

    /// The same, with what the reference adds to errors there.
    pub(super) fn name_with(&self, section: &str, suffix: &str) -> String {
        let name = section.split_once(':').map_or("", |(_, name)| name);
        value::name(name).unwrap_or_else(|text| {
            let words = format!("{text}{suffix}");
            let problem = Problem { words, ..self.section_problem(section, text) };
            self.tell_once(problem.hint("a name has no blanks, colons or slashes"));
            name.into()
        })
    }

    /// `[group:x]`.
    fn group(&self, section: &str, daemon: &DaemonConfig, taken: &mut HashSet<String>) -> GroupConfig {
        let name = self.name_of(section);
        let view = View::new(self, section, &group::TABLE).here();
        let programs = value::strings(&view.text("programs").unwrap_or_default());
        let priority = view.value("priority", value::integer);
        let mut processes = Vec::new();
        // The reference's error names the section that it read last: the member before.
        let mut last_read = section.to_owned();
        for program in &programs {
            let Some(member) = self.member(&view, &last_read, program) else { continue };
            last_read.clone_from(&member);
            let members = self.processes(&member, &name, daemon);
            // After the processes: the reference, which gives a member no socket, tells what is wrong with those only.
            let socket = self.member_socket(&member);
            processes.extend(members.into_iter().map(|process| match &socket {
                Some(socket) => Arc::new(ProcessConfig { socket: Some(Arc::clone(socket)), ..(*process).clone() }),
                None => process,
            }));
            taken.insert(member);
        }
        GroupConfig { name, priority, kind: GroupKind::Programs, processes }
    }

    /// The section of a program that a group names.
    fn member(&self, view: &View<'_, '_>, last_read: &str, program: &str) -> Option<String> {
        let plain = format!("program:{program}");
        let fcgi = format!("fcgi-program:{program}");
        let is_there = |section: &str| self.document.section(section).is_some();
        let section = view.section;
        match (is_there(&plain), is_there(&fcgi)) {
            (true, false) => return Some(plain),
            (false, true) => return Some(fcgi),
            (false, false) => {
                let what = format!("names unknown program or fcgi-program {program}");
                let known: Vec<String> = self.program_names();
                let near = crate::lint::nearest(program, known.iter().map(String::as_str));
                let hint = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("add a section [program:{program}] or take the name out of programs"),
                };
                let problem = view.problem("programs", format!("[{section}] {what}")).hint(hint);
                self.tell(Problem { words: format!("[{last_read}] {what}"), ..problem });
            }
            (true, true) => {
                let what = format!("name {program} is ambiguous (exists as program and fcgi-program)");
                let problem = view.problem("programs", format!("[{section}] {what}"));
                let problem = problem.hint("rename one of the two sections");
                self.tell(Problem { words: format!("[{last_read}] {what}"), ..problem });
            }
        }
        None
    }

    fn program_names(&self) -> Vec<String> {
        let sections = self.sections_with("program:").into_iter().chain(self.sections_with("fcgi-program:"));
        sections.filter_map(|section| section.split_once(':').map(|(_, name)| name.to_owned())).collect()
    }

    /// `[program:x]` in a group of its own.
    fn program(&self, section: &str, daemon: &DaemonConfig) -> GroupConfig {
        let name = self.name_of(section);
        let priority = View::new(self, section, &program::TABLE).here().value("priority", value::integer);
        let processes = self.processes(section, &name, daemon);
        GroupConfig { name, priority, kind: GroupKind::Programs, processes }
    }

    /// The processes of a section, lower priorities first, then by name.
    pub(super) fn processes(&self, section: &str, group: &str, daemon: &DaemonConfig) -> Vec<Arc<ProcessConfig>> {
        let table = match section.split(':').next() {
            Some("program") => &program::TABLE,
            Some("fcgi-program") => &fcgi::TABLE,
            _ => &crate::tables::eventlistener::TABLE,
        };
        let mut processes = self.processes_of(section, group, table, daemon);
        processes.sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.name.cmp(&b.name)));
        shared(processes)
    }
}

/// A plain `collect` would reuse the room of what moves out, and keep forty times what the pointers need for ever.
fn shared<T>(items: Vec<T>) -> Vec<Arc<T>> {
    let mut shared = Vec::with_capacity(items.len());
    shared.extend(items.into_iter().map(Arc::new));
    shared
}
