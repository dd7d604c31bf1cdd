//! Words that product code does not say: those that end the process on input, and those that put work off.

use super::finding::Finding;
use super::source::Source;

/// `unwrap`, `expect("…")`, `panic!` and their kin outside tests fail; marks of unfinished work fail everywhere.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = unfinished(source);
    let is_product = source.path.starts_with("crates/") || source.path.starts_with("src/");
    if is_product && source.crate_name() != "sim" {
        found.extend(abrupt(source));
    }
    found
}

fn abrupt(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let text = |index: usize| source.tokens.get(index).map_or("", |token| token.text.as_str());
    for (index, token) in source.tokens.iter().enumerate().filter(|(_, token)| !source.is_test(token.line)) {
        let called = index > 0 && text(index - 1) == "." && text(index + 1) == "(";
        let broken = match token.text.as_str() {
            "unwrap" | "unwrap_err" | "expect_err" => called,
            // A parser's own `expect(b'<')` is no end of the process: the one of Result takes a text and nothing else.
            "expect" => called && text(index + 2).starts_with('"') && text(index + 3) == ")",
            "panic" | "todo" | "unimplemented" | "unreachable" => text(index + 1) == "!",
            _ => false,
        };
        if broken {
            let text = format!(
                "{} ends a thread that others depend on: return an error with its place, or log CRIT",
                token.text
            );
            found.push(Finding::error(&source.path, token.line, text));
        }
    }
    found
}

fn unfinished(source: &Source) -> Vec<Finding> {
    // Put together here, so that this file passes its own check.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let words = || line.split(|c: char| !c.is_alphanumeric() && c != '_');
        for mark in marks.iter().filter(|mark| words().any(|word| word == **mark)) {
            found.push(Finding::error(
                &source.path,
                index + 1,
                format!("{mark} puts work off: do it, or file an issue and say what is so"),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn found(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn product_code_may_not_end_the_process_on_input() {
        for body in ["b.unwrap()", "b.expect(\"b\")", "panic!()", "todo!()", "assert!(b.unwrap())", "unreachable!()"] {
            assert_eq!(found("crates/engine/src/a.rs", &format!("fn a() {{ {body}; }}")), 1, "{body}");
        }
    }

    #[test]
    fn a_parsers_own_expect_is_no_end() {
        assert_eq!(
            found("crates/wire/src/a.rs", "fn a() { b.expect(b'<'); b.expect(\"ok\", 220); c.unwrap_or(1); }"),
            0
        );
    }

    #[test]
    fn tests_may_unwrap() {
        assert_eq!(found("crates/engine/src/a.rs", "#[cfg(test)]\nmod tests { fn a() { b.unwrap(); } }"), 0);
        assert_eq!(found("crates/engine/tests/a.rs", "fn a() { b.unwrap(); }"), 0);
    }

    #[test]
    fn marks_of_unfinished_work_fail_also_in_tests() {
        assert_eq!(found("crates/engine/tests/a.rs", concat!("// TO", "DO: more\nfn a() {}")), 1);
        assert_eq!(found("crates/engine/src/a.rs", concat!("// FIX", "ME\nfn a() {}")), 1);
        assert_eq!(found("crates/engine/src/a.rs", "fn todo_list() {}"), 0);
    }
}
