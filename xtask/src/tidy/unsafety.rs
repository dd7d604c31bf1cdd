//! `unsafe` lives in crates/sys alone, and each use says why it is sound.

use super::finding::Finding;
use super::source::Source;

/// How far above its `unsafe` a `// SAFETY:` comment may begin.
const REACH: usize = 10;

/// `unsafe` outside crates/sys fails; inside, so does one without its reason.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    for (index, token) in source.tokens.iter().enumerate().filter(|(_, token)| token.text == "unsafe") {
        let next = source.tokens.get(index + 1).map_or("", |token| token.text.as_str());
        if source.crate_name() != "sys" {
            let text = "unsafe outside crates/sys: move the call there behind a safe function";
            found.push(Finding::error(&source.path, token.line, text));
        } else if matches!(next, "{" | "impl") && !has_reason(&lines, token.line) {
            found.push(Finding::error(
                &source.path,
                token.line,
                "unsafe without its reason: say above it // SAFETY: why it is sound",
            ));
        }
    }
    found
}

fn has_reason(lines: &[&str], line: usize) -> bool {
    let from = line.saturating_sub(REACH + 1);
    lines.get(from..line).is_some_and(|above| above.iter().any(|text| text.contains("SAFETY:")))
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn found(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text).unwrap()).len()
    }

    #[test]
    fn unsafe_outside_sys_fails_even_inside_a_macro() {
        assert_eq!(found("crates/engine/src/a.rs", "fn a() { unsafe { b() } }"), 1);
        assert_eq!(found("crates/engine/src/a.rs", "fn a() { assert!(unsafe { b() }) }"), 1);
        assert_eq!(found("crates/engine/src/a.rs", "// unsafe\nfn a() { let b = \"unsafe\"; }"), 0);
    }

    #[test]
    fn unsafe_in_sys_needs_its_reason() {
        assert_eq!(found("crates/sys/src/a.rs", "fn a() { unsafe { b() } }"), 1);
        assert_eq!(found("crates/sys/src/a.rs", "fn a() {\n// SAFETY: b has no conditions.\nunsafe { b() } }"), 0);
    }
}
