//! Pages that are made from tables say what the tables say.

use super::finding::Finding;

/// A generated page that is not current fails.
pub fn check(stale: &[&str]) -> Vec<Finding> {
    let text = "is not what its table makes: run `cargo xtask docs` and commit it";
    stale.iter().map(|path| Finding::error(path, 0, text)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_that_is_not_current_fails() {
        assert_eq!(super::check(&["docs/reference/events.md"]).len(), 1);
        assert_eq!(super::check(&[]), []);
    }
}
