//! Nothing in the repository names the place where somebody happens to work on it.

use super::finding::Finding;
use super::tree::File;

/// Beginnings of absolute paths that are some developer's own folders.
const OURS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/.")];

/// A path of a developer's machine fails. Files written by users are theirs and are left alone.
pub fn check(file: &File) -> Vec<Finding> {
    if file.path.starts_with("tests/corpus/real/") || file.path == "tests/corpus/expected.json" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for place in OURS.iter().filter(|place| names(line, place)) {
            let text = format!(
                "{place} is a folder of one machine: name it relative to the repository, or take it as an option"
            );
            found.push(Finding::error(&file.path, index + 1, text));
        }
    }
    found
}

/// True if the place begins a path here: `/srv/work/x` or `network/` do not name it.
fn names(line: &str, place: &str) -> bool {
    let starts = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/*}>)".contains(c));
    line.match_indices(place).any(|(at, _)| starts(at))
}

#[cfg(test)]
mod tests {
    use super::{File, check};

    #[test]
    fn a_developers_folder_fails_and_a_users_does_not() {
        let found = |text: &str| check(&File::of("README.md", text)).len();
        assert_eq!(found(concat!("see /wo", "rk/a")), 1);
        assert_eq!(found(concat!("see /srv/wo", "rk/a and net/wo", "rk/b")), 0);
    }
}
