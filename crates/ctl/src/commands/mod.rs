//! THE command table: one row and one file an action. Help, completion and the manual follow from it.
//!
//! Deliberately absent: lines that are no action (`session`) and the words of results (`render`).

mod add;
mod avail;
mod clear;
mod fg;
mod follow;
mod help;
mod maintail;
mod open;
mod pid;
mod quit;
mod reload;
mod remove;
mod reread;
mod restart;
mod shutdown;
mod signal;
mod start;
mod status;
mod stop;
mod tail;
mod targets;
mod update;
mod upgrade;
mod version;

use model::FaultCode;

use crate::client::CallError;
use crate::render::columns;
use crate::session::Session;

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next line.
    Go,
    /// The end.
    Quit,
    /// The end, by Ctrl-C while it waited for the server.
    Interrupted,
}

/// What an action's arguments may be, for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completes {
    /// Nothing that is known.
    Nothing,
    /// Actions.
    Actions,
    /// Groups.
    Groups,
    /// Processes and `group:*`.
    Processes,
}

/// A line of an action's help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// A form of the action, and what it does.
    Form(&'static str, &'static str),
    /// More about the form above.
    More(&'static str),
    /// A line by itself.
    Note(&'static str),
}

/// An action.
pub struct Command {
    /// What one types.
    pub name: &'static str,
    /// Its help; empty for what help does not speak of.
    pub help: &'static [Help],
    /// What completes its arguments.
    pub completes: Completes,
    /// Does it with the text after the name.
    pub run: fn(&mut Session, &str) -> Result<Flow, CallError>,
}

/// THE actions, in order of name.
pub const TABLE: &[Command] = &[
    quit::END_OF_FILE,
    add::COMMAND,
    avail::COMMAND,
    clear::COMMAND,
    quit::EXIT,
    fg::COMMAND,
    help::COMMAND,
    maintail::COMMAND,
    open::COMMAND,
    pid::COMMAND,
    quit::QUIT,
    reload::COMMAND,
    remove::COMMAND,
    reread::COMMAND,
    restart::COMMAND,
    shutdown::COMMAND,
    signal::COMMAND,
    start::COMMAND,
    status::COMMAND,
    stop::COMMAND,
    tail::COMMAND,
    update::COMMAND,
    upgrade::COMMAND,
    version::COMMAND,
];

/// Actions that the reference does not have: the list that `help` shows is compared with the reference's, and leaves them out.
const OURS: &[&str] = &["upgrade"];

/// The action of this name.
pub fn find(name: &str) -> Option<&'static Command> {
    TABLE.iter().find(|command| command.name == name)
}

/// The names that are completed.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|command| !command.help.is_empty()).map(|command| command.name)
}

/// Show the help of one action.
pub fn show_help(session: &mut Session, name: &str) {
    match find(name).map(|command| command.help).filter(|help| !help.is_empty()) {
        Some(help) => help_lines(help).iter().for_each(|line| session.say(line)),
        None => session.say(&format!("*** No help on {name}")),
    }
}

/// Show the names of all actions.
fn show_names(session: &mut Session) {
    let title = "default commands (type help <topic>):";
    session.say("");
    session.say(title);
    session.say(&"=".repeat(title.len()));
    // `help` itself is not among them, as ever.
    let names: Vec<&str> = names().filter(|name| *name != "help" && !OURS.contains(name)).collect();
    columns(&names, 79).iter().for_each(|line| session.say(line));
    session.say("");
}

/// Tabs bring what a form does to the third tab stop or the next one after it.
fn help_lines(help: &[Help]) -> Vec<String> {
    help.iter()
        .map(|line| match line {
            Help::Form(form, what) => {
                let tabs = 24_usize.saturating_sub(form.len()).div_ceil(8).max(1);
                format!("{form}{}{what}", "\t".repeat(tabs))
            }
            Help::More(what) => format!("\t\t\t{what}"),
            Help::Note(text) => (*text).to_owned(),
        })
        .collect()
}

/// True for the fault of a server that ends.
fn shutting_down(error: &CallError) -> bool {
    matches!(error, CallError::Fault { code, .. } if *code == FaultCode::ShutdownState.number())
}

/// Ask before what cannot be undone, where somebody is there to answer.
fn agreed(session: &mut Session, question: &str) -> bool {
    if !session.is_interactive() {
        return true;
    }
    session.ask(question).is_some_and(|answer| answer.to_lowercase().starts_with('y'))
}

/// The actions as a chapter of the manual (Markdown).
#[must_use]
pub fn manual() -> String {
    let mut text = String::new();
    for command in TABLE.iter().filter(|command| !command.help.is_empty()) {
        text.push_str(&format!("### {}\n\n", command.name));
        for line in command.help {
            match line {
                Help::Form(form, what) => text.push_str(&format!("- `{form}`: {what}\n")),
                Help::More(what) => text.push_str(&format!("  {what}\n")),
                Help::Note("") => {}
                Help::Note(note) => text.push_str(&format!("\n{note}\n\n")),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        let names: Vec<_> = TABLE.iter().map(|command| command.name).collect();
        assert!(names.is_sorted());
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn every_form_begins_with_its_action() {
        for command in TABLE {
            for line in command.help {
                if let Help::Form(form, what) = line {
                    assert!(form.starts_with(command.name) && !what.is_empty(), "{form}");
                }
            }
        }
    }

    #[test]
    fn the_manual_names_every_action_and_form() {
        let manual = manual();
        for command in TABLE.iter().filter(|command| !command.help.is_empty()) {
            assert!(manual.contains(&format!("### {}\n", command.name)));
            for line in command.help {
                if let Help::Form(form, _) = line {
                    assert!(manual.contains(&format!("`{form}`")), "{form}");
                }
            }
        }
    }

    #[test]
    fn help_is_set_at_tab_stops() {
        let lines =
            help_lines(&[Help::Form("pid", "a"), Help::Form("signal <signal name> <name>", "b"), Help::More("c")]);
        assert_eq!(lines, ["pid\t\t\ta", "signal <signal name> <name>\tb", "\t\t\tc"]);
    }
}
