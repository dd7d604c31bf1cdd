//! The manual's page about the methods, made from their table.
//!
//! Deliberately absent: the protocol around a call (docs/xml-rpc.md).

use std::fmt::Write as _;

use super::{Method, methods};

/// Every method as one page of Markdown, in order of name.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from("# Methods\n");
    let mut rows: Vec<&Method> = methods().collect();
    rows.sort_by_key(|method| method.name);
    for method in rows {
        let names: Vec<&str> = method.params.iter().map(|param| param.name).collect();
        let (kind, what) = method.gives;
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}({})\n\n{}\n\n", method.name, names.join(", "), method.does);
        for param in method.params {
            let optional = if param.optional { ", may be left out" } else { "" };
            let _ = writeln!(text, "- `{}` ({}{optional}): {}", param.name, param.kind, param.is);
        }
        let _ = writeln!(text, "- gives {kind}: {what}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{manual, methods};

    #[test]
    fn every_method_is_told_of_with_its_parameters() {
        let page = manual();
        for method in methods() {
            assert!(page.contains(&format!("## {}(", method.name)) && page.contains(method.does), "{}", method.name);
            assert!(method.params.iter().all(|param| page.contains(param.is)), "{}", method.name);
        }
    }
}
