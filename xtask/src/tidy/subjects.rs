//! The subjects of commits that nobody else has yet: short enough for one line of a log.

use super::finding::Finding;
use crate::run;

/// The longest subject, in characters.
const LONGEST: usize = 60;

/// A subject of more than 60 characters is told.
pub fn check(subjects: &[String]) -> Vec<Finding> {
    let long = subjects.iter().filter(|subject| subject.chars().count() > LONGEST);
    long.map(|subject| {
        Finding::warning("git log", 0, format!("a subject has more than {LONGEST} characters: {subject}"))
    })
    .collect()
}

/// The subjects of commits that are not on the upstream branch; none where there is no upstream.
pub fn unpushed() -> Vec<String> {
    let said = run::output("git", &["log", "--no-merges", "--format=%s", "@{upstream}.."]);
    said.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_long_subject_is_told() {
        assert_eq!(check(&["a".repeat(61), "a".repeat(60)]).len(), 1);
    }
}
