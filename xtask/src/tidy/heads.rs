//! Every file says at its top what it is for, and the code of a crate says why often enough.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::source::Source;

/// The share of comment lines that a crate should have, in percent of its lines that are not blank.
const SHARE: (usize, usize) = (10, 30);

/// A file without a `//!` head fails.
pub fn check(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if first.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    vec![Finding::error(&source.path, 1, "has no //! head: say what the file is for and what is deliberately absent")]
}

/// A crate whose product code has very few or very many comments is told.
pub fn check_share(sources: &[Source]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_table()) {
        let lines = source.text.lines().enumerate().filter(|(index, _)| !source.is_test(index + 1));
        for (_, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let (comments, all) = counts.entry(source.crate_name()).or_default();
            *comments += usize::from(line.trim_start().starts_with("//"));
            *all += 1;
        }
    }
    // A crate of a few lines says nothing about habits.
    let counts = counts.into_iter().filter(|(_, (_, all))| *all >= 300);
    let shares = counts.map(|(name, (comments, all))| (name, comments * 100 / all));
    shares
        .filter(|(_, share)| !(SHARE.0..=SHARE.1).contains(share))
        .map(|(name, share)| {
            Finding::warning(name, 0, format!("{share} % of its lines are comments: 15 to 25 % about *why* are wanted"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Source, check, check_share};

    fn source(text: &str) -> Source {
        Source::parse("crates/a/src/lib.rs", text).unwrap()
    }

    #[test]
    fn a_file_without_a_head_fails() {
        assert_eq!(check(&source("fn a() {}\n")).len(), 1);
        assert_eq!(check(&source("// not a head\nfn a() {}\n")).len(), 1);
        assert_eq!(check(&source("//! A head.\nfn a() {}\n")), []);
    }

    #[test]
    fn a_crate_without_comments_is_told() {
        assert_eq!(check_share(&[source(&"fn a() {}\n".repeat(300))]).len(), 1);
        assert_eq!(check_share(&[source(&"// why\nfn a() {}\nfn b() {}\nfn c() {}\n".repeat(100))]), []);
    }
}
