//! Links of the documents lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::finding::Finding;
use super::tree::File;

/// A relative link in a markdown file to what is not in the repository fails.
pub fn check(file: &File, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if !file.path.ends_with(".md") {
        return found;
    }
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    for (index, line) in file.text.lines().enumerate() {
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_ours = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_ours && !exists(&plain(&folder.join(target))) {
                found.push(Finding::error(
                    &file.path,
                    index + 1,
                    format!("the link {link} leads nowhere: mend it or take it out"),
                ));
            }
        }
    }
    found
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{File, check};

    #[test]
    fn a_link_that_leads_nowhere_fails() {
        let found = |text: &str| check(&File::of("docs/a.md", text), |path| path == Path::new("README.md")).len();
        assert_eq!(found("see [b](b.md)"), 1);
        assert_eq!(found("see [a](../README.md#top), [b](https://example.org/b) and [c](#c)"), 0);
    }
}
