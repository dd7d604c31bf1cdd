//! `model`, `config`, `wire` and `engine` decide and never do: no clock, file, thread, socket, process or random number.

use syn::visit::Visit;

use super::finding::Finding;
use super::source::Source;

const PURE: [&str; 4] = ["model", "config", "wire", "engine"];

/// Paths (by their beginning) that reach the outside world.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::hash::RandomState",
    "std::collections::hash_map::RandomState",
    "rustix",
    "libc",
    "nix",
    "tokio",
    "mio",
    "hyper",
    "rand",
    "getrandom",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "glob::glob",
    "glob::glob_with",
    "sys",
    "daemon",
];

/// Macros that write to the standard streams.
const PRINTING: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];

/// Anything of the outside world in the product code of a pure crate fails.
pub fn check(source: &Source) -> Vec<Finding> {
    if !PURE.contains(&source.crate_name()) || !source.path.contains("/src/") {
        return Vec::new();
    }
    let mut paths = Paths { seen: Vec::new() };
    paths.visit_file(&source.tree);
    paths.seen.extend(paths_in_tokens(source));
    let mut found: Vec<Finding> = Vec::new();
    for (path, line) in paths.seen {
        let reached = OUTSIDE.iter().find(|outside| begins(&path, outside));
        let Some(outside) = reached.filter(|_| !source.is_test(line)) else { continue };
        let text = format!(
            "{path} is of the outside world ({outside}): {} is pure; take it as an argument",
            source.crate_name()
        );
        if found.iter().all(|one| one.line != line) {
            found.push(Finding::error(&source.path, line, text));
        }
    }
    found
}

fn begins(path: &str, outside: &str) -> bool {
    path.strip_prefix(outside).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path that is imported, with groups and renames resolved to what they name.
struct Paths {
    seen: Vec<(String, usize)>,
}

impl Paths {
    fn walk(&mut self, before: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| if before.is_empty() { name.to_string() } else { format!("{before}::{name}") };
        match tree {
            syn::UseTree::Path(path) => self.walk(&join(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.seen.push((join(&name.ident), name.ident.span().start().line)),
            syn::UseTree::Rename(name) => self.seen.push((join(&name.ident), name.ident.span().start().line)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.walk(before, item)),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.walk("", &item.tree);
    }
}

/// Paths written out in code, inside macros too, and the names of printing macros (as what they write to).
fn paths_in_tokens(source: &Source) -> Vec<(String, usize)> {
    let text = |index: usize| source.tokens.get(index).map_or("", |token| token.text.as_str());
    let mut seen = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        if text(index + 1) == "!" && PRINTING.contains(&token.text.as_str()) {
            seen.push(("std::io::stdout".to_owned(), token.line));
        }
        let continues = index >= 1 && text(index - 1) == ":";
        if continues || text(index + 1) != ":" || text(index + 2) != ":" {
            continue;
        }
        let mut path = token.text.clone();
        let mut at = index;
        while text(at + 1) == ":"
            && text(at + 2) == ":"
            && text(at + 3).starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            path = format!("{path}::{}", text(at + 3));
            at += 3;
        }
        seen.push((path, token.line));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn found(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn a_pure_crate_may_not_reach_outside() {
        for text in [
            "use std::fs;",
            "use std::{collections::BTreeMap, time::Instant};",
            "use std::time::SystemTime as Clock;",
            "fn a() { std::thread::spawn(b); }",
            "fn a() { assert!(std::env::var(\"A\").is_ok()); }",
            "fn a() { println!(\"a\"); }",
            "use rustix::process::Pid;",
        ] {
            assert_eq!(found("crates/engine/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn words_that_only_look_so_are_free() {
        assert_eq!(
            found("crates/engine/src/a.rs", "use std::time::Duration;\nfn a() { model::fs::b(); self.env::<A>(); }"),
            0
        );
    }

    #[test]
    fn tests_and_other_crates_may_reach_outside() {
        assert_eq!(found("crates/engine/src/a.rs", "#[cfg(test)]\nmod tests { use std::fs; }"), 0);
        assert_eq!(found("crates/engine/tests/a.rs", "use std::fs;"), 0);
        assert_eq!(found("crates/sys/src/a.rs", "use std::fs;"), 0);
    }
}
