//! `supervisord -t`, and a start that is refused: what is wrong, where, and with which status.
//!
//! Deliberately absent: what is wrong with which value (`crates/config`).

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A folder with a configuration file, which is where supervisord runs.
struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("supervisord.conf"), text).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("supervisord.conf")
    }

    /// The status, stdout and stderr of `supervisord ARGUMENTS`, the folder's name folded.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let program = env!("CARGO_BIN_EXE_supervisord");
        let output = Command::new(program).args(arguments).current_dir(self.0.path()).output().unwrap();
        let fold = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(program, "supervisord").replace(self.0.path().to_str().unwrap(), "<DIR>")
        };
        (output.status.code().unwrap(), fold(output.stdout), fold(output.stderr))
    }
}

#[test]
fn a_good_configuration_is_good_and_nothing_is_started() {
    let folder =
        Folder::with("[supervisord]\n[program:x]\ncommand=/usr/bin/touch started\n[program:y]\ncommand=/bin/cat\n");
    let file = folder.file();
    let arguments = ["-t", "-c", file.to_str().unwrap()];
    assert_eq!(
        folder.run(&arguments),
        (0, "<DIR>/supervisord.conf: good, 2 processes in 2 groups\n".into(), String::new())
    );
    let names: Vec<_> = fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["supervisord.conf"]);
}

#[test]
fn every_error_and_every_doubt_is_a_line_with_its_place() {
    let folder =
        Folder::with("[supervisord]\nminfds=lots\n[program:x]\ncommand=/bin/cat\nautorestrat=true\nstartsecs=1s\n");
    let (status, out, err) = folder.run(&["--test-config", "-c", folder.file().to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (2, "<DIR>/supervisord.conf: not good, 2 errors, 1 warning\n"));
    assert_eq!(
        err,
        "<DIR>/supervisord.conf:2: error: [supervisord] minfds: invalid literal for int() with base 10: 'lots' (a whole number, such as 10)\n\
         <DIR>/supervisord.conf:6: error: [program:x] startsecs: invalid literal for int() with base 10: '1s' (a whole number, such as 10)\n\
         <DIR>/supervisord.conf:5: warning: [program:x] autorestrat: no option of this name is known: it is left out (did you mean autorestart?)\n"
    );
}

#[test]
fn doubts_are_errors_if_one_is_strict() {
    let folder = Folder::with("[supervisord]\n[program:x]\ncommand=/bin/cat | wc\nautostart=false\n");
    let file = folder.file();
    let file = file.to_str().unwrap();
    assert_eq!(folder.run(&["-t", "-c", file]).0, 0);
    assert_eq!(folder.run(&["-t", "--strict", "-c", file]).0, 2);
    let (status, _, err) = folder.run(&["-n", "--strict", "-c", file]);
    assert_eq!(status, 2);
    assert!(
        err.starts_with("Error: no shell runs it: | is given to the program as it is\n  <DIR>/supervisord.conf:3: "),
        "{err}"
    );
}

#[test]
fn a_refused_start_says_the_references_line_and_then_all_places() {
    let folder = Folder::with("[supervisord]\nloglevel=loud\n[program:x]\ncommand=/bin/cat\nautostart=maybe\n");
    let (status, out, err) = folder.run(&["-n", "-c", folder.file().to_str().unwrap()]);
    assert_eq!((status, out.as_str()), (2, ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines[0], "Error: bad logging level name 'loud'");
    assert!(lines[1].starts_with("  <DIR>/supervisord.conf:2: [supervisord] loglevel: bad logging level name 'loud'"));
    assert!(
        lines[2].starts_with("  <DIR>/supervisord.conf:5: [program:x] autostart: not a valid boolean value: 'maybe'")
    );
    assert_eq!(lines[3], "For help, use supervisord -h");
}

#[test]
fn the_sample_is_what_is_printed_and_it_is_good() {
    let sample = Command::new(env!("CARGO_BIN_EXE_echo_supervisord_conf")).output().unwrap();
    let folder = Folder::with(&String::from_utf8(sample.stdout).unwrap());
    assert_eq!(folder.run(&["-t", "-c", folder.file().to_str().unwrap()]).0, 0);
}
