//! supervisorctl: asks a running supervisord to do things and shows what it answers.
//!
//! From the command line or its own shell an action comes; its file under `commands/` makes the calls, `render` turns
//! answers into the lines that scripts have learnt, `exit` into the statuses. Deliberately absent: any knowledge of how
//! processes are supervised, and plugins written in Python (`[ctlplugin:x]`), which are refused with a message.

#![forbid(unsafe_code)]

mod address;
mod client;
mod commands;
mod complete;
mod exit;
mod input;
mod options;
mod output;
mod render;
mod session;
mod settings;
mod shell;

use std::process::ExitCode;

pub use commands::manual;

use options::Parsed;
use session::Session;

/// Runs the program `supervisorctl`.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_else(|| "supervisorctl".into());
    let arguments: Vec<String> = words.collect();
    let options = match options::parse(&arguments) {
        Ok(Parsed::Options(options)) => options,
        Ok(Parsed::Help) => {
            print_text(&options::usage(&program));
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&program, &error.to_string()),
    };
    let settings = match settings::settle(&options, &program) {
        Ok(settings) => settings,
        Err(error) => return refuse(&program, &error),
    };
    for notice in &settings.notices {
        eprintln!("Warning: {notice}");
    }
    match Session::new(settings) {
        Ok(session) => ExitCode::from(run(session, &options.action)),
        Err(error) => refuse(&program, &format!("cannot start: {error}")),
    }
}

/// One action, then the shell if it was asked for; the exit status.
fn run(mut session: Session, action: &[String]) -> u8 {
    if !action.is_empty() {
        session.run_line(&action.join(" "));
        if !session.is_interactive() {
            return session.finish();
        }
    }
    shell::run(&mut session);
    // A shell has shown what went wrong to the one who typed.
    exit::SUCCESS
}

/// A mistake on the command line or in the configuration: status 2, in the reference's form.
fn refuse(program: &str, error: &str) -> ExitCode {
    eprintln!("Error: {error}\nFor help, use {program} -h");
    ExitCode::from(exit::INVALID_ARGS)
}

fn print_text(text: &str) {
    let mut output = output::Output::new();
    output.text(text);
    output.flush();
}
