//! `cargo xtask bench`: this and the reference, side by side in one run on one machine.
//!
//! One figure, one file, one function `measure`. To add a figure: that file, and a row in `FIGURES`.
//! Deliberately absent: any judgement in tests. Times depend on the machine; the table tells, people judge.

mod child;
mod crashloop;
mod daemon;
mod idle;
mod lines;
mod logs;
mod machine;
mod memory;
mod process;
mod restart;
mod rpc;
mod rpc_rate;
mod scale;
mod side;
mod size;
mod start;
mod status;
mod table;

use anyhow::{Result, ensure};

use crate::run;
use side::Side;
use table::Row;

pub use child::main as child;

/// What every figure is measured on.
pub struct Bench {
    /// Ours first; then what it is compared with, where there is something.
    pub sides: Vec<Side>,
    /// Fewer and shorter samples.
    pub quick: bool,
}

impl Bench {
    /// One of two sizes, by `--quick`.
    pub fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// Measures the same on every side; the first is ours and must succeed, another's failure is told.
    pub fn each(&self, measure: impl Fn(&Side) -> Result<f64>) -> Result<Vec<Option<f64>>> {
        let mut values = Vec::new();
        for (index, side) in self.sides.iter().enumerate() {
            match measure(side) {
                Ok(value) => values.push(Some(value)),
                Err(why) if index > 0 => {
                    eprintln!("{}: {why:#}", side.name);
                    values.push(None);
                }
                Err(why) => return Err(why),
            }
        }
        Ok(values)
    }
}

type Figure = (&'static str, fn(&Bench) -> Result<Vec<Row>>);

/// Every figure by its name for `--only`, in the order of the table.
const FIGURES: &[Figure] = &[
    ("start", start::measure),
    ("restart", restart::measure),
    ("status", status::measure),
    ("rpc", rpc_rate::measure),
    ("logs", logs::measure),
    ("lines", lines::measure),
    ("memory", memory::measure),
    ("idle", idle::measure),
    ("crashloop", crashloop::measure),
    ("scale", scale::measure),
    ("size", size::measure),
];

/// Measures, prints the table and, in a whole run against the reference, writes docs/performance.md.
pub fn main(arguments: &[String]) -> Result<()> {
    let quick = arguments.iter().any(|word| word == "--quick");
    let only = run::option(arguments, "--only");
    let bench = Bench { sides: side::all(arguments)?, quick };
    let names: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name));
    ensure!(names.iter().any(|name| wanted(name)), "--only takes some of: {}", names.join(", "));
    let mut rows = Vec::new();
    for (name, measure) in FIGURES.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("measuring {name} …");
        match measure(&bench) {
            Ok(measured) => rows.extend(measured),
            Err(why) => rows.push(Row::failed(name, &format!("{why:#}"))),
        }
    }
    let text = table::markdown(&bench.sides, &rows);
    println!("{text}");
    if only.is_none() && !quick && side::is_against_the_reference(&bench.sides) {
        table::keep(&format!("{}\n\n{text}", machine::described()?))?;
    }
    ensure!(rows.iter().all(|row| !row.has_failed()), "some figures could not be measured");
    Ok(())
}
