//! The rows of a table have names of their own: a second row of one name would be dead.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::source::Source;

/// Two rows with the same name in one table fail. A row is `name: "…"` or `row("…"`; a `Table {` begins a new table.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    if !source.is_table() {
        return found;
    }
    for words in source.tokens.windows(3) {
        let [word, mark, value] = words else { continue };
        match (word.text.as_str(), mark.text.as_str()) {
            ("Table", "{") => first.clear(),
            ("name", ":") | ("row", "(") if value.text.starts_with('"') && !source.is_test(value.line) => {
                if let Some(line) = first.insert(&value.text, value.line) {
                    let text = format!("a row named {} is there already, in line {line}", value.text);
                    found.push(Finding::error(&source.path, value.line, text));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn found(text: &str) -> usize {
        check(&Source::parse("crates/config/src/tables/a.rs", text).unwrap()).len()
    }

    #[test]
    fn two_rows_of_one_name_fail() {
        assert_eq!(found("const A: [Row; 2] = [Row { name: \"a\" }, Row { name: \"a\" }];"), 1);
        assert_eq!(found("const A: [Row; 2] = [row(\"a\"), row(\"a\").doc(\"a\")];"), 1);
        assert_eq!(found("const A: [Row; 2] = [row(\"a\"), row(\"b\")];"), 0);
    }

    #[test]
    fn two_tables_may_have_rows_of_one_name() {
        assert_eq!(
            found("const A: Table = Table { rows: [row(\"a\")] }; const B: Table = Table { rows: [row(\"a\")] };"),
            0
        );
    }
}
