//! The page of event types, from THE event table.

use std::fmt::Write as _;

use model::EventType;

/// The types as a tree: each below what it is a kind of.
pub fn page() -> String {
    let mut text = String::from("# Event types\n\n");
    text.push_str(
        "A subscription to a type covers all types below it. Types in brackets are never sent themselves.\n\n",
    );
    for event in EventType::ALL {
        let mut depth = 0;
        let mut at = event.parent();
        while let Some(parent) = at {
            depth += 1;
            at = parent.parent();
        }
        let name = if event.is_abstract() { format!("({})", event.name()) } else { event.name().to_owned() };
        let _ = writeln!(text, "{}- {name}", "  ".repeat(depth));
    }
    text
}

#[cfg(test)]
mod tests {
    use model::EventType;

    #[test]
    fn every_event_type_is_on_its_page() {
        let page = super::page();
        assert!(EventType::ALL.iter().all(|event| page.contains(event.name())));
    }
}
