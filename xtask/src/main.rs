//! Tools of the house, run as `cargo xtask NAME`; one folder or file each.
//!
//! Deliberately absent: anything a user needs. What is shipped stands on its own without this program.

mod bench;
mod ci;
mod dist;
mod docs;
mod fuzz;
mod run;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TOOL [OPTIONS]

  bench     this and the reference side by side: [--quick] [--only FIGURE,…] [--ours FOLDER]
            [--reference VENV/bin | --compare REVISION | --alone]
  ci        everything that must hold before a change is taken: [--quick] [--only STEP]
  dist      the programs as they are shipped, in one folder: [--to FOLDER]
  docs      write the pages of docs/reference from the tables: [--check]
  fuzz      coverage-guided fuzzing: [--seconds N] [--keep] [TARGET…] | TARGET --replay FILE
  tidy      hold the house rules on every file of the repository; exit 1 on any that is broken
  help      this text";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let tool = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    // Who asks what a tool would do does not want it done: `ci` installs packages.
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = match tool.as_str() {
        "bench" => bench::main(&rest),
        // The programs that bench supervises; nobody types it.
        "bench-child" => bench::child(&rest),
        "ci" => ci::main(&rest),
        "dist" => dist::main(&rest),
        "docs" => docs::main(&rest),
        "fuzz" => fuzz::main(&rest),
        "tidy" => tidy::main(&rest),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("there is no tool {other:?}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {tool}: {why:#}");
            ExitCode::FAILURE
        }
    }
}
