//! What the steps need on a fresh machine: installed where it is missing and this may be done, else told.

use std::path::Path;

use anyhow::{Result, bail};

use super::step::shown;
use crate::run;

/// A program, what to run to see whether it is there, and Debian's package of it.
const NEEDED: [(&str, &[&str], &str); 8] = [
    ("c++", &["--version"], "g++"),
    ("python3", &["-c", "import ensurepip"], "python3-venv"),
    ("git", &["--version"], "git"),
    ("perl", &["-e", "1"], "perl"),
    ("ps", &["--version"], "procps"),
    ("chromium", &["--version"], "chromium"),
    ("chromedriver", &["--version"], "chromium-driver"),
    ("getent", &["--version"], "libc-bin"),
];

/// Installs what is missing with apt-get, as root on Debian; elsewhere it says what to install.
pub fn complete(_: &str) -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, words, _)| run::output(program, words).is_err())
        .map(|(_, _, package)| *package)
        .collect();
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    let is_root = run::output("id", &["-u"]).is_ok_and(|uid| uid.trim() == "0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        bail!("install these (Debian's names), or run this as root on Debian: {}", missing.join(" "));
    }
    shown("apt-get", &["update", "-qq"].map(str::to_owned))?;
    let words = ["install", "-y", "-qq", "--no-install-recommends"].iter().chain(&missing);
    shown("apt-get", &words.map(|&word| word.to_owned()).collect::<Vec<_>>())?;
    Ok(())
}
