//! What a new configuration changes: groups that come, that differ, and that go.
//!
//! The equality is the reference's: values are compared, not their spelling; `AUTO` in the new one equals any log; the
//! socket of a FastCGI program is its address alone.
//! Deliberately absent: what is done about it (`engine`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::types::{GroupConfig, GroupKind, LogTarget, OutputConfig, ProcessConfig, SocketAddress};

/// Names of groups, each list in the order of its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Only in the new one.
    pub added: Vec<String>,
    /// In both, and not equal.
    pub changed: Vec<String>,
    /// Only in the old one.
    pub removed: Vec<String>,
}

/// Compares the groups that are active with those of a new configuration.
#[must_use]
pub fn diff(old: &[Arc<GroupConfig>], new: &[Arc<GroupConfig>]) -> Diff {
    let named = |groups: &[Arc<GroupConfig>]| -> HashMap<String, Arc<GroupConfig>> {
        groups.iter().map(|group| (group.name.clone(), Arc::clone(group))).collect()
    };
    let (before, after) = (named(old), named(new));
    let names = |groups: &[Arc<GroupConfig>], keep: &dyn Fn(&GroupConfig) -> bool| -> Vec<String> {
        groups.iter().filter(|group| keep(group)).map(|group| group.name.clone()).collect()
    };
    Diff {
        added: names(new, &|group| !before.contains_key(&group.name)),
        changed: names(new, &|group| before.get(&group.name).is_some_and(|old| !same_group(old, group))),
        removed: names(old, &|group| !after.contains_key(&group.name)),
    }
}

/// True if `update` leaves the group alone.
#[must_use]
pub fn same_group(old: &GroupConfig, new: &GroupConfig) -> bool {
    old.name == new.name
        && old.priority == new.priority
        && same_kind(&old.kind, &new.kind)
        && old.processes.len() == new.processes.len()
        && old.processes.iter().zip(&new.processes).all(|(old, new)| same_process(old, new))
}

fn same_kind(old: &GroupKind, new: &GroupKind) -> bool {
    match (old, new) {
        (GroupKind::Programs, GroupKind::Programs) => true,
        (GroupKind::Listeners(old), GroupKind::Listeners(new)) => old == new,
        (GroupKind::FastCgi(old), GroupKind::FastCgi(new)) => same_address(&old.address, &new.address),
        (GroupKind::Programs | GroupKind::Listeners(_) | GroupKind::FastCgi(_), _) => false,
    }
}

fn same_address(old: &SocketAddress, new: &SocketAddress) -> bool {
    match (old, new) {
        (SocketAddress::Unix { path: old, .. }, SocketAddress::Unix { path: new, .. }) => old == new,
        (SocketAddress::Tcp { .. }, SocketAddress::Tcp { .. }) => old == new,
        (SocketAddress::Unix { .. } | SocketAddress::Tcp { .. }, _) => false,
    }
}

/// True if the process need not be restarted.
#[must_use]
pub fn same_process(old: &ProcessConfig, new: &ProcessConfig) -> bool {
    let uid = |process: &ProcessConfig| process.user.as_ref().map(|user| user.uid);
    // All fields count, but for these: what is equal in its own way is made so before the comparison.
    uid(old) == uid(new)
        && same_variables(&old.environment, &new.environment)
        && same_target(&old.stdout, &new.stdout)
        && same_target(&old.stderr, &new.stderr)
        && *new
            == ProcessConfig {
                user: new.user.clone(),
                environment: new.environment.clone(),
                stdout: OutputConfig { logfile: new.stdout.logfile.clone(), ..old.stdout.clone() },
                stderr: OutputConfig { logfile: new.stderr.logfile.clone(), ..old.stderr.clone() },
                strip_ansi: new.strip_ansi,
                ..old.clone()
            }
}

fn same_variables(old: &[(String, String)], new: &[(String, String)]) -> bool {
    let sorted = |pairs: &[(String, String)]| -> BTreeMap<String, String> { pairs.iter().cloned().collect() };
    old == new || sorted(old) == sorted(new)
}

fn same_target(old: &OutputConfig, new: &OutputConfig) -> bool {
    new.logfile == LogTarget::Auto || old.logfile == new.logfile
}
