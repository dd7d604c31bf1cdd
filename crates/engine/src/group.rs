//! The active groups: who belongs to which, found by name, and the orders in which all are gone through.
//!
//! Deliberately absent: what happens to processes when a group comes or goes (that is `membership`).

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use config::{GroupConfig, GroupKind, SocketConfig};

use crate::input::ProcessId;

/// A map with a fixed hash: the same inputs take the same way in each run. The keys come from the configuration file,
/// so nobody can choose them to collide.
pub(crate) type Names<T> = HashMap<Arc<str>, T, BuildHasherDefault<DefaultHasher>>;

/// An active group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// As it was when the group became active; a reread does not touch it.
    pub(crate) config: Arc<GroupConfig>,
    /// In the order of the configuration: programs are started in it.
    pub(crate) members: Vec<ProcessId>,
    /// By priority; equal ones as configured.
    pub(crate) by_priority: Vec<ProcessId>,
    pub(crate) names: Names<ProcessId>,
}

impl Group {
    /// A group of these processes, in the order of the configuration.
    pub(crate) fn new(config: Arc<GroupConfig>, members: Vec<ProcessId>) -> Self {
        let mut sorted: Vec<_> = config.processes.iter().map(|process| process.priority).zip(&members).collect();
        sorted.sort_by_key(|&(priority, _)| priority);
        let by_priority = sorted.into_iter().map(|(_, &id)| id).collect();
        let names =
            config.processes.iter().map(|process| Arc::from(process.name.as_str())).zip(members.iter().copied());
        Self { name: Arc::from(config.name.as_str()), names: names.collect(), by_priority, members, config }
    }

    /// The socket that all its processes have as stdin.
    pub(crate) fn socket(&self) -> Option<&SocketConfig> {
        match &self.config.kind {
            GroupKind::FastCgi(socket) => Some(socket),
            GroupKind::Programs | GroupKind::Listeners(_) => None,
        }
    }

    /// Its processes are event listeners.
    pub(crate) fn is_pool(&self) -> bool {
        matches!(self.config.kind, GroupKind::Listeners(_))
    }
}

/// All active groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_name: Names<(u64, Box<Group>)>,
    /// In the order in which they became active.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
}

impl Groups {
    /// The group of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name).map(|(_, group)| group.as_ref())
    }

    /// True if a group of this name is active.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Add a group behind the others.
    pub(crate) fn insert(&mut self, group: Group) {
        self.order.insert(self.next, Arc::clone(&group.name));
        self.by_name.insert(Arc::clone(&group.name), (self.next, Box::new(group)));
        self.next += 1;
    }

    /// Take a group out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Group> {
        let (place, group) = self.by_name.remove(name)?;
        self.order.remove(&place);
        Some(*group)
    }

    /// The place of a group in the order in which they became active.
    pub(crate) fn place(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).map(|(place, _)| *place)
    }

    /// In the order in which they became active.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.order.values().filter_map(|name| self.get(name))
    }

    /// By priority; equal ones in the order in which they became active (at the start that is by name).
    pub(crate) fn by_priority(&self) -> Vec<&Group> {
        let mut groups: Vec<_> = self.iter().collect();
        groups.sort_by_key(|group| group.config.priority);
        groups
    }

    /// All processes in lexical order of group and name: the order of listings.
    pub(crate) fn lexical(&self) -> Vec<ProcessId> {
        let mut groups: Vec<_> = self.iter().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let mut all = Vec::new();
        for group in groups {
            let mut names: Vec<_> = group.names.iter().collect();
            names.sort();
            all.extend(names.into_iter().map(|(_, &id)| id));
        }
        all
    }

    /// All processes by priority of their group, then their own.
    pub(crate) fn all_by_priority(&self) -> Vec<ProcessId> {
        self.by_priority().into_iter().flat_map(|group| group.by_priority.iter().copied()).collect()
    }
}
