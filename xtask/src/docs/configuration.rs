//! The page of directives, from THE directive tables.

use std::fmt::Write as _;

use config::tables::{ALL, Directive, Table, Update};

/// Every section with its directives.
pub fn page() -> String {
    let mut text = super::head("Sections and directives", "crates/config/src/tables/");
    text.push_str("How the file is written and checked is told in [Configuration](../configuration.md).\n");
    for table in ALL {
        section(table, &mut text);
    }
    text
}

fn section(table: &Table, to: &mut String) {
    let name = table.section.strip_suffix(':').map_or_else(|| table.section.to_owned(), |kind| format!("{kind}:x"));
    let _ = write!(to, "\n## [{name}]\n\n{}\n", table.doc);
    for row in table.rows {
        directive(row, to);
    }
}

fn directive(row: &Directive, to: &mut String) {
    let default = match row.default {
        Some("") => "empty".to_owned(),
        Some(value) => format!("`{value}`"),
        None if row.required => "must be set".to_owned(),
        None => "not set".to_owned(),
    };
    let update = match row.update {
        Update::Nothing => "waits for `reload`",
        Update::Live => "holds at once",
        Update::Restart => "restarts the group",
    };
    let _ = write!(to, "\n### {}\n\n{}\n\n", row.name, if row.doc.is_empty() { row.brief } else { row.doc });
    let _ = writeln!(to, "- value: {}", row.kind.right());
    let _ = writeln!(to, "- default: {default}");
    let _ = writeln!(to, "- a change, at `update`: {update}");
    if !row.example.is_empty() {
        let _ = writeln!(to, "- example: `{}={}`", row.name, row.example);
    }
}

#[cfg(test)]
mod tests {
    use config::tables::ALL;

    #[test]
    fn every_directive_is_on_its_page_with_its_words() {
        let page = super::page();
        for row in ALL.iter().flat_map(|table| table.rows) {
            assert!(page.contains(&format!("### {}\n", row.name)) && page.contains(row.doc), "{}", row.name);
        }
    }
}
