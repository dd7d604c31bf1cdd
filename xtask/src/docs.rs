//! `cargo xtask docs`: the pages of the manual that are made from tables, written or (`--check`) compared.
//!
//! To add a page: a row in `PAGES`. The tables say everything; nothing is written here that they do not say.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use model::EventType;

use crate::run;

type Page = (&'static str, fn() -> String);

/// Every generated page and what makes its text.
const PAGES: &[Page] = &[("docs/reference/events.md", events)];

/// Writes the pages; with `--check`, an error names those that are not current.
pub fn main(arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|word| word == "--check") {
        let old = stale();
        if !old.is_empty() {
            bail!("not current: {}; run `cargo xtask docs`", old.join(", "));
        }
        return Ok(());
    }
    for (path, text) in PAGES {
        let path = run::top().join(path);
        std::fs::write(&path, text()).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// The pages whose text is not what their table makes.
pub fn stale() -> Vec<&'static str> {
    let differs = |page: &&Page| std::fs::read_to_string(run::top().join(page.0)).ok() != Some(page.1());
    PAGES.iter().filter(differs).map(|(path, _)| *path).collect()
}

fn head(title: &str, source: &str) -> String {
    format!("<!-- Made by `cargo xtask docs` from {source}: change it there. -->\n# {title}\n\n")
}

fn events() -> String {
    let mut text = head("Event types", "crates/model/src/event.rs");
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
        let page = super::events();
        assert!(EventType::ALL.iter().all(|event| page.contains(event.name())));
    }
}
