//! The shell: takes actions line by line, from a terminal with editing, history and completion, or from a pipe.
//!
//! The prompt is shown to a pipe too: programs that drive the shell wait for it. Deliberately absent: quoting, variables,
//! several actions on a line, none of which the reference has.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::rc::Rc;

use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::client::Client;
use crate::commands::Flow;
use crate::complete::NameCompleter;
use crate::input::Input;
use crate::output::Output;
use crate::session::Session;

/// Lines that are remembered.
const HISTORY: usize = 10_000;

type SharedClient = Rc<RefCell<Client>>;
type LineEditor = Editor<NameCompleter, DefaultHistory>;

/// Where lines come from.
pub struct Console {
    input: Input,
    /// On a terminal, once a shell has begun.
    editor: Option<LineEditor>,
    /// The editor has read something, and may have read more than it has given out.
    has_begun: bool,
}

/// What was typed.
enum Typed {
    Line(String),
    End,
    Interrupt,
}

impl Console {
    /// Standard input as it is.
    pub fn new() -> Self {
        Self { input: Input::new(), editor: None, has_begun: false }
    }

    /// Standard input without editing.
    pub const fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn read(&mut self, client: &SharedClient, output: &mut Output, prompt: &str) -> Typed {
        output.flush();
        if let Some(editor) = &mut self.editor {
            if !std::mem::replace(&mut self.has_begun, true) {
                show_plainly(output, prompt);
            }
            // The client is not borrowed meanwhile: a Tab asks it for names.
            return match editor.readline(prompt) {
                Ok(line) => Typed::Line(line),
                Err(ReadlineError::Interrupted) => Typed::Interrupt,
                Err(_) => Typed::End,
            };
        }
        output.text(prompt);
        output.flush();
        let input = &mut self.input;
        match client.borrow_mut().wait(async |_: &mut Client| input.line().await) {
            Ok(Ok(Some(line))) => Typed::Line(line),
            Ok(_) => Typed::End,
            Err(_) => Typed::Interrupt,
        }
    }

    /// Ask a question; `None` if there is no answer.
    pub fn ask(&mut self, client: &SharedClient, output: &mut Output, question: &str) -> Option<String> {
        match self.read(client, output, question) {
            Typed::Line(line) => Some(line),
            Typed::End | Typed::Interrupt => None,
        }
    }

    /// Ask for what must not be seen.
    pub fn ask_secret(&mut self, client: &SharedClient, output: &mut Output, question: &str) -> Option<String> {
        // Not edited: the editor would show it. Where this is no terminal, nothing is shown anyway.
        let silence = sys::terminal::hide_input(io::stdin()).ok();
        let editor = self.editor.take();
        let answer = self.ask(client, output, question);
        self.editor = editor;
        if silence.is_some() {
            output.line("");
        }
        answer
    }

    /// Edit lines from now on, if this is a terminal.
    fn begin_editing(&mut self, client: SharedClient, history_file: Option<&Path>) {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return;
        }
        let config = Config::builder().completion_type(CompletionType::List).build();
        let Ok(mut editor) = LineEditor::with_config(config) else { return };
        // A history of another size than asked for is no reason to give up.
        let _ = editor.set_max_history_size(HISTORY);
        editor.set_helper(Some(NameCompleter::new(client)));
        let text = history_file.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines() {
            let _ = editor.add_history_entry(line);
        }
        self.editor = Some(editor);
    }

    fn remember(&mut self, line: &str) {
        if let Some(editor) = &mut self.editor {
            if !line.is_empty() {
                let _ = editor.add_history_entry(line);
            }
            if let Some(helper) = editor.helper() {
                helper.forget();
            }
        }
    }

    /// Write the history, one line each, as readline does. Like there, a file that cannot be written is no error.
    fn save(&self, history_file: Option<&Path>) {
        let (Some(editor), Some(path)) = (&self.editor, history_file) else { return };
        let mut text = String::new();
        for line in editor.history() {
            text.push_str(line);
            text.push('\n');
        }
        // For its owner only: commands may hold what is not everyone's.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }
}

/// Show the first prompt as plain text: programs that drive a shell on a terminal look for it, and the line editor, which
/// begins with the first key, would put control characters around it.
fn show_plainly(output: &mut Output, prompt: &str) {
    output.text(prompt);
    output.flush();
    if let Ok(keys) = sys::terminal::take_keys(io::stdin()) {
        // A terminal that cannot be waited for is waited for by the editor.
        let _ = keys.wait();
    }
}

/// Run it until its end.
pub fn run(session: &mut Session) {
    let settings = session.settings().clone();
    let prompt = format!("{}> ", settings.prompt);
    let client = session.client();
    session.console().begin_editing(client, settings.history_file.as_deref());
    let mut flow = session.run_line("status");
    while flow == Flow::Go && !session.output.is_broken() {
        flow = match read_command(session, &prompt) {
            Typed::Line(line) => {
                session.console().remember(&line);
                session.run_line(&line)
            }
            Typed::End => session.run_line("EOF"),
            Typed::Interrupt => Flow::Interrupted,
        };
    }
    if flow == Flow::Interrupted {
        session.say("");
    }
    session.console().save(settings.history_file.as_deref());
    session.output.flush();
}

fn read_command(session: &mut Session, prompt: &str) -> Typed {
    let client = session.client();
    let (console, output) = session.console_and_output();
    console.read(&client, output, prompt)
}
