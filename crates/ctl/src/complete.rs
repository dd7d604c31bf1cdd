//! What completes a line in the shell: actions, then names of groups or processes as the server knows them.
//!
//! Words are set apart by white space only, so that `group:*` and names with dashes are one word. Deliberately absent: keys
//! and lists on the screen (the line editor's).

use std::cell::RefCell;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::client::Client;
use crate::commands::{self, Completes};
use crate::render::{items, text};

/// A process as far as completion knows it: its group and its name.
type Known = (String, String);

/// Asks the server for names, once a line.
pub struct NameCompleter {
    client: Rc<RefCell<Client>>,
    known: RefCell<Option<Vec<Known>>>,
}

impl NameCompleter {
    /// Knows nothing yet.
    pub fn new(client: Rc<RefCell<Client>>) -> Self {
        Self { client, known: RefCell::new(None) }
    }

    /// A command may have changed everything.
    pub fn forget(&self) {
        self.known.replace(None);
    }

    fn names(&self) -> Vec<Known> {
        self.known.borrow_mut().get_or_insert_with(|| self.ask()).clone()
    }

    /// No answer is no names: a Tab is no place for an error.
    fn ask(&self) -> Vec<Known> {
        let Ok(mut client) = self.client.try_borrow_mut() else { return Vec::new() };
        match client.call("getAllProcessInfo", &[]) {
            Ok(answer) => items(&answer).iter().map(|info| (text(info, "group"), text(info, "name"))).collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl Completer for NameCompleter {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = candidates(line.get(..pos).unwrap_or(line), || self.names());
        let pairs = found.into_iter().map(|name| Pair { replacement: format!("{name} "), display: name });
        Ok((start, pairs.collect()))
    }
}

impl Helper for NameCompleter {}
impl Highlighter for NameCompleter {}
impl Validator for NameCompleter {}
impl Hinter for NameCompleter {
    type Hint = String;
}

/// Where the word before the cursor begins, and what it may become.
fn candidates(before: &str, names: impl FnOnce() -> Vec<Known>) -> (usize, Vec<String>) {
    let start = before
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let word = before.get(start..).unwrap_or_default();
    let action =
        before.split_whitespace().next().filter(|_| !before.get(..start).unwrap_or_default().trim().is_empty());
    let all = match action.map(|name| commands::find(name).map_or(Completes::Nothing, |command| command.completes)) {
        None | Some(Completes::Actions) => commands::names().map(Into::into).collect(),
        Some(Completes::Nothing) => Vec::new(),
        Some(Completes::Groups) => names().into_iter().map(|(group, _)| group).collect(),
        Some(Completes::Processes) => process_names(names(), word.contains(':')),
    };
    let mut found: Vec<String> = all.into_iter().filter(|name| name.starts_with(word)).collect();
    found.sort_unstable();
    found.dedup();
    (start, found)
}

/// Short names, and long ones with their group's `:*` where the two names differ or a group has been typed.
fn process_names(known: Vec<Known>, long: bool) -> Vec<String> {
    let mut all = Vec::new();
    for (group, name) in known {
        if long || group != name {
            all.push(format!("{group}:*"));
            all.push(format!("{group}:{name}"));
        } else {
            all.push(name);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(before: &str) -> Vec<String> {
        let known = [("pair", "alpha"), ("pair", "beta"), ("solo", "solo")];
        candidates(before, || known.map(|(group, name)| (group.to_owned(), name.to_owned())).to_vec()).1
    }

    #[test]
    fn the_first_word_is_an_action() {
        assert_eq!(complete("st"), ["start", "status", "stop"]);
        assert_eq!(complete("  vers"), ["version"]);
        assert!(complete("").len() > 20);
        assert_eq!(complete("help ver"), ["version"]);
    }

    #[test]
    fn other_words_are_what_the_action_takes() {
        assert_eq!(complete("start so"), ["solo"]);
        assert_eq!(complete("status pair:"), ["pair:*", "pair:alpha", "pair:beta"]);
        assert_eq!(complete("stop "), ["pair:*", "pair:alpha", "pair:beta", "solo"]);
        assert_eq!(complete("stop solo:"), ["solo:*", "solo:solo"]);
        assert_eq!(complete("update pa"), ["pair"]);
        assert!(complete("version ").is_empty());
        assert!(complete("nosuch ").is_empty());
    }

    #[test]
    fn a_word_begins_after_white_space() {
        assert_eq!(candidates("tail -f s", Vec::new).0, 8);
        assert_eq!(candidates("größe\u{3000}s", Vec::new).0, "größe\u{3000}".len());
    }
}
