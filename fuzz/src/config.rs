//! Configuration files: what is told of them has a true place, and what is read survives JSON and equals itself.
//!
//! The input is the main file, and after a zero byte a file that it may include.

use std::path::Path;

use config::{Config, Flags, Problem, check, diff, load_ctl};

use crate::host::{MAIN, Machine};

pub fn run(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (main, part) = data.split_at(end);
    let machine = Machine { main, part: part.get(1..).unwrap_or_default() };
    let (file, flags) = (Path::new(MAIN), Flags::default());
    let report = check(&machine, file, &flags);
    assert_eq!(report.config.is_none(), !report.errors.is_empty(), "errors and no configuration belong together");
    for problem in report.errors.iter().chain(&report.warnings) {
        place_is_true(&machine, problem);
    }
    match &report.config {
        Some(config) => sound(config),
        None => assert!(report.errors.iter().all(|problem| !problem.words().is_empty()), "a refusal without a word"),
    }
    let _ = load_ctl(&machine, file);
}

/// A place is a line of a file that was read.
fn place_is_true(machine: &Machine<'_>, problem: &Problem) {
    assert!(!problem.to_string().trim().is_empty());
    let Some(place) = &problem.place else { return };
    let bytes = machine.file(&place.file).unwrap_or_else(|| panic!("a file that was not read: {problem}"));
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.lines().count().max(1);
    assert!((1..=lines).contains(&place.line), "line {} of {lines}: {problem}", place.line);
}

fn sound(config: &Config) {
    assert_eq!(diff(&config.groups, &config.groups), diff(&[], &[]), "a configuration differs from itself");
    let written = serde_json::to_string(config).expect("a configuration can be written");
    let again: Config = serde_json::from_str(&written).expect("a written configuration can be read");
    assert_eq!(&again, config);
}
