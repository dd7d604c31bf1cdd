//! What a program is given: its arguments, its environment and its three standard streams.
//!
//! A program is a function of a stage to its exit status, so that tests run it whole, in process, on streams of their own.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::ExitCode;

use crate::options::{self, HELP, Manner, Opt, Parsed};

/// The status of the reference's getopt programs for wrong arguments.
const MISUSED: u8 = 255;
/// Where the daemon tells its listeners how to reach it.
pub const SERVER_URL: &str = "SUPERVISOR_SERVER_URL";

/// Arguments, environment and streams of one run of a program.
pub struct Stage<'a> {
    /// The program's name, as its messages give it.
    pub program: &'static str,
    /// The arguments, without the program's own name.
    pub arguments: Vec<String>,
    /// The environment.
    pub environment: HashMap<String, String>,
    /// Events come from here.
    pub input: &'a mut dyn Read,
    /// Answers go here; anything else there would break the protocol.
    pub output: &'a mut dyn Write,
    /// Words for people: the daemon keeps them in the listener's stderr log.
    pub errors: &'a mut dyn Write,
}

impl Stage<'_> {
    /// Run a program on the real arguments, environment and streams; arguments that are no UTF-8 are read with U+FFFD.
    pub fn real(program: &'static str, run: impl FnOnce(&mut Stage) -> u8) -> ExitCode {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let mut stage = Stage {
            program,
            arguments: std::env::args_os().skip(1).map(lossy).collect(),
            environment: std::env::vars_os().map(|(key, value)| (lossy(key), lossy(value))).collect(),
            input: &mut std::io::stdin(),
            output: &mut std::io::stdout(),
            errors: &mut std::io::stderr(),
        };
        ExitCode::from(run(&mut stage))
    }

    /// Write to stderr. It is for people, so a stderr that is gone stops no listener.
    pub fn say(&mut self, text: &str) {
        let _ = self.errors.write_all(text.as_bytes());
        let _ = self.errors.flush();
    }

    /// Write a line to stderr that begins with the program's name.
    pub fn complain(&mut self, text: &str) {
        let line = format!("{}: {text}\n", self.program);
        self.say(&line);
    }

    /// Print a usage text; stdout is a person's here, since no event was asked for yet.
    pub fn print(&mut self, text: &str) {
        let _ = self.output.write_all(text.as_bytes());
        let _ = self.output.flush();
    }

    /// A variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// The full name of the process that this listener is, as the daemon told it: `group:name`.
    #[must_use]
    pub fn own_name(&self) -> Option<String> {
        let group = self.variable("SUPERVISOR_GROUP_NAME")?;
        Some(format!("{group}:{}", self.variable("SUPERVISOR_PROCESS_NAME")?))
    }

    /// Read the arguments; if the program is to end at once (usage asked for, or wrong), with which status.
    ///
    /// # Errors
    /// 0 after `--help`, 255 after what cannot be read; the usage text is printed then.
    pub fn options(&mut self, table: &[Opt], usage: &str) -> Result<Parsed, u8> {
        match options::parse(table, Manner::Getopt, &self.arguments) {
            Ok(parsed) if !parsed.has(HELP.long) => Ok(parsed),
            Ok(_) => {
                self.print(usage);
                Err(0)
            }
            Err(why) => Err(self.misused(&why.to_string(), usage)),
        }
    }

    /// Say what is wrong with the arguments, print the usage text; the status for it.
    pub fn misused(&mut self, why: &str, usage: &str) -> u8 {
        self.complain(why);
        self.print(usage);
        MISUSED
    }
}
