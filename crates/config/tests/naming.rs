//! The names of files in the reference's words: the main one as it was given, included ones by their paths.
//!
//! Deliberately absent: places, which always have paths (reading.rs).

mod host;

use std::path::Path;

use config::{Flags, check_as};
use host::FakeHost;

const FILE: &str = "/etc/supervisord.conf";
const GIVEN: &str = "../etc/supervisord.conf";

/// The words of all errors.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let report = check_as(&FakeHost::with(files), Path::new(FILE), Path::new(GIVEN), &Flags::default());
    report.errors.iter().map(|error| error.words().to_owned()).collect()
}

#[test]
fn a_wrong_value_is_told_with_the_name_of_its_file() {
    // Its path begins with that of the main file.
    let part = "/etc/supervisord.conf.d/part.conf";
    let program = "[program:x]\ncommand=/bin/cat\nautostart=maybe\n";
    let main = format!("[supervisord]\n[include]\nfiles={part}\n{program}");
    let in_file = |section: &str, file: &str| {
        format!("not a valid boolean value: 'maybe' in section 'program:{section}' (file: '{file}')")
    };
    let expected = [in_file("x", GIVEN), in_file("y", part)];
    assert_eq!(told(&[(FILE, &main), (part, &program.replace(":x", ":y"))]), expected);
}

#[test]
fn a_file_that_is_missing_or_malformed_is_named_as_it_was_given() {
    assert_eq!(told(&[]), [format!("could not find config file {GIVEN}")]);
    let malformed = format!("File contains no section headers.\nfile: '{GIVEN}', line: 1\n'text\\n'");
    assert_eq!(told(&[(FILE, "text\n")]), [malformed]);
    let lines = format!("Source contains parsing errors: '{GIVEN}'\n\t[line  2]: 'text\\n'");
    assert_eq!(told(&[(FILE, "[supervisord]\ntext\n")]), [lines]);
}
