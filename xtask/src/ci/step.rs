//! One step of CI: a command whose output is shown as it comes, and whose closing lines are kept.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// Lines that a test runner closes with.
const CLOSING: [&str; 2] = ["test result: ", "closing line: "];

/// A named step.
pub struct Step {
    /// Its name, as `--only` takes it.
    pub name: String,
    /// What passes when it passes.
    pub why: String,
    /// True if it needs no release build.
    pub quick: bool,
    work: Work,
}

enum Work {
    Command(String, Vec<String>),
    Call(fn(&str) -> Result<()>, String),
}

impl Step {
    /// A step that is a command.
    pub fn of(name: &str, why: &str, program: &str, arguments: &[&str]) -> Self {
        let work = Work::Command(program.to_owned(), arguments.iter().map(|&word| word.to_owned()).collect());
        Self { name: name.to_owned(), why: why.to_owned(), quick: false, work }
    }

    /// A step that is a function of this tool, with its argument.
    pub fn call(name: &str, why: &str, function: fn(&str) -> Result<()>, argument: &str) -> Self {
        let work = Work::Call(function, argument.to_owned());
        Self { name: name.to_owned(), why: why.to_owned(), quick: false, work }
    }

    /// The same step, part of `--quick` too.
    pub fn quick(self) -> Self {
        Self { quick: true, ..self }
    }

    /// Carries it out: the runner's closing lines.
    pub fn run(&self) -> Result<Vec<String>> {
        match &self.work {
            Work::Command(program, arguments) => shown(program, arguments),
            Work::Call(function, argument) => function(argument).map(|()| Vec::new()),
        }
    }
}

/// Runs a command with its output shown; its closing lines, or an error if it fails.
pub fn shown(program: &str, arguments: &[String]) -> Result<Vec<String>> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(run::top())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let mut closing = Vec::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            if CLOSING.iter().any(|mark| line.starts_with(mark)) {
                closing.push(line);
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        for line in &closing {
            println!("{line}");
        }
        bail!("{program} {} ended with {status}", arguments.join(" "));
    }
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn a_step_keeps_the_closing_lines_of_a_runner() {
        let step = Step::of("a", "b", "printf", &["x\\ntest result: ok. 1 passed\\n"]);
        assert_eq!(step.run().unwrap(), ["test result: ok. 1 passed"]);
    }

    #[test]
    fn a_step_fails_with_its_command() {
        assert!(Step::of("a", "b", "false", &[]).run().is_err());
    }

    #[test]
    fn a_step_whose_program_is_missing_fails() {
        assert!(Step::of("a", "b", "no-such-program", &[]).run().is_err());
    }
}
