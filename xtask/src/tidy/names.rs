//! The rows of a table have names of their own: a second row of one name would be dead.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::source::Source;

/// Two rows with the same `name: "…"` in one file of a tables folder fail.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    if !source.is_table() {
        return found;
    }
    for row in source.tokens.windows(3) {
        let [name, colon, value] = row else { continue };
        if name.text != "name" || colon.text != ":" || !value.text.starts_with('"') || source.is_test(value.line) {
            continue;
        }
        if let Some(line) = first.insert(&value.text, value.line) {
            found.push(Finding::error(
                &source.path,
                value.line,
                format!("a row named {} is there already, in line {line}", value.text),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    #[test]
    fn two_rows_of_one_name_fail() {
        let rows = |second: &str| format!("const A: [Row; 2] = [Row {{ name: \"a\" }}, Row {{ name: \"{second}\" }}];");
        let found = |second: &str| check(&Source::parse("crates/config/src/tables/a.rs", &rows(second)).unwrap()).len();
        assert_eq!((found("a"), found("b")), (1, 0));
    }
}
