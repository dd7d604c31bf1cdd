//! `cargo xtask docs`: the pages of the manual that are made from tables, written or (`--check`) compared.
//!
//! To add a page: a row in `PAGES`. The tables say everything; nothing is written here that they do not say.

mod events;

use anyhow::{Context, Result, bail};

use crate::run;

type Page = (&'static str, fn() -> String);

/// Every generated page and what makes its text.
const PAGES: &[Page] = &[
    ("docs/reference/configuration.md", || made_from("crates/config/src/tables/", &config::manual())),
    ("docs/reference/events.md", || made_from("crates/model/src/event.rs", &events::page())),
    ("docs/reference/supervisorctl.md", || made_from("crates/ctl/src/commands/", &commands())),
    ("docs/reference/xml-rpc.md", || made_from("crates/engine/src/rpc/", &engine::manual())),
];

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

fn commands() -> String {
    format!("# Commands of supervisorctl\n\n## Actions\n\n{}", ctl::manual().trim_end()) + "\n"
}

fn made_from(source: &str, text: &str) -> String {
    format!("<!-- Made by `cargo xtask docs` from {source}: change it there. -->\n{text}")
}
