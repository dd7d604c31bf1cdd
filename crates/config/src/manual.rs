//! The manual's pages about sections, made from the tables.
//!
//! Deliberately absent: what is not about one directive (docs/configuration.md).

use crate::tables::{ALL, Directive, Table, Update};

/// All sections as one page of Markdown.
#[must_use]
pub fn manual() -> String {
    let mut out = String::from("# Sections and options\n");
    for table in ALL {
        out.push_str(&section(table));
    }
    out
}

fn section(table: &Table) -> String {
    let name = match table.section.strip_suffix(':') {
        Some(kind) => format!("[{kind}:x]"),
        None => format!("[{}]", table.section),
    };
    let mut out = format!("\n## `{name}`\n\n{}\n", table.doc);
    for row in table.rows {
        out.push_str(&directive(row));
    }
    out
}

fn directive(row: &Directive) -> String {
    let mut out = format!("\n### `{}`\n\n{}\n\n", row.name, row.doc);
    out.push_str(&format!("- Value: {}\n", row.kind.right()));
    match row.default {
        _ if row.required => out.push_str("- Required\n"),
        Some("") => out.push_str("- Default: empty\n"),
        Some(default) => out.push_str(&format!("- Default: `{default}`\n")),
        None => out.push_str("- Default: not set\n"),
    }
    let update = match row.update {
        Update::Nothing => "holds from the next start or `reload`",
        Update::Live => "holds at once",
        Update::Restart => "restarts the processes that it is about",
    };
    out.push_str(&format!("- A change at `update`: {update}\n- Example: `{}={}`\n", row.name, row.example));
    out
}

#[cfg(test)]
mod tests {
    use super::manual;
    use crate::tables::{ALL, Kind, table_for};
    use crate::value;

    #[test]
    fn every_directive_is_told_of_and_its_name_is_its_own() {
        let page = manual();
        for table in ALL {
            for (index, row) in table.rows.iter().enumerate() {
                assert!(page.contains(&format!("### `{}`", row.name)), "{}", row.name);
                assert!(table.rows[..index].iter().all(|other| other.name != row.name), "{} twice", row.name);
                assert_eq!(row.name, row.name.to_lowercase());
                let told = [row.brief, row.doc, row.example].iter().all(|text| !text.is_empty());
                assert!(told, "[{}] {}", table.section, row.name);
            }
        }
    }

    #[test]
    fn defaults_and_examples_are_good_values() {
        let good = |kind: Kind, text: &str| match kind {
            Kind::Integer => value::integer(text).is_ok(),
            Kind::Boolean => value::boolean(text).is_ok(),
            Kind::Autorestart => value::autorestart(text).is_ok(),
            Kind::Ending => value::ending(text).is_ok(),
            Kind::KillMode => value::kill_mode(text).is_ok(),
            Kind::ByteSize => value::byte_size(text).is_ok(),
            Kind::Octal => value::octal(text).is_ok(),
            Kind::Signal => value::signal(text).is_ok(),
            Kind::ExitCodes => value::exit_codes(text).is_ok(),
            Kind::Orphans => value::orphans(text).is_ok(),
            Kind::Level => value::level(text).is_ok(),
            Kind::Address => value::inet_address(text).is_ok(),
            Kind::Pairs => value::key_values(text).is_ok(),
            _ => true,
        };
        for row in ALL.iter().flat_map(|table| table.rows) {
            for text in row.default.into_iter().chain([row.example]) {
                assert!(good(row.kind, text), "{}={text}", row.name);
            }
        }
    }

    #[test]
    fn a_section_finds_its_table() {
        for (section, table) in [
            ("program:x", Some("program:")),
            ("unix_http_server", Some("unix_http_server")),
            ("unix_http_server:second", Some("unix_http_server")),
            ("supervisord", Some("supervisord")),
            ("programs:x", None),
            ("supervisor", None),
        ] {
            assert_eq!(table_for(section).map(|table| table.section), table, "{section}");
        }
    }
}
