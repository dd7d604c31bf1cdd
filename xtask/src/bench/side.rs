//! What is compared: folders with a supervisord and a supervisorctl.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::ci::shown;
use crate::run;

/// The name of the reference's column.
const REFERENCE: &str = "Supervisor 4.3.0";

/// One implementation, or one revision of ours.
pub struct Side {
    /// Its column.
    pub name: String,
    /// Where its programs are.
    pub programs: PathBuf,
}

impl Side {
    fn of(name: &str, programs: &Path) -> Result<Self> {
        for program in ["supervisord", "supervisorctl"] {
            ensure!(programs.join(program).exists(), "there is no {program} in {}", programs.display());
        }
        Ok(Self { name: name.to_owned(), programs: std::fs::canonicalize(programs)? })
    }

    /// True of the original.
    pub fn is_reference(&self) -> bool {
        self.name == REFERENCE
    }
}

/// Ours (`--ours FOLDER`, else built now) and what it is compared with: `--compare REVISION`, else the reference
/// (`--reference VENV/bin`, else installed now from PyPI), or nothing with `--alone`.
pub fn all(arguments: &[String]) -> Result<Vec<Side>> {
    let ours = match run::option(arguments, "--ours") {
        Some(folder) => PathBuf::from(folder),
        None => {
            shown("cargo", &["build", "--release"].map(str::to_owned))?;
            run::target()?.join("release")
        }
    };
    let mut sides = vec![Side::of("this", &ours)?];
    if let Some(revision) = run::option(arguments, "--compare") {
        sides.push(Side::of(&revision, &built(&revision)?)?);
    } else if !arguments.iter().any(|word| word == "--alone") {
        let reference =
            run::option(arguments, "--reference").map_or_else(installed, |folder| Ok(PathBuf::from(folder)))?;
        sides.push(Side::of(REFERENCE, &reference)?);
    }
    Ok(sides)
}

/// True if the second side is the reference.
pub fn is_against_the_reference(sides: &[Side]) -> bool {
    sides.get(1).is_some_and(Side::is_reference)
}

/// The reference in a virtual environment of the target folder.
fn installed() -> Result<PathBuf> {
    let venv = run::target()?.join("reference");
    shown("conformance/setup-reference", &[venv.display().to_string()])?;
    Ok(venv.join("bin"))
}

/// The programs of another revision, built from a work tree of its own.
fn built(revision: &str) -> Result<PathBuf> {
    let commit = run::output("git", &["rev-parse", "--short", &format!("{revision}^{{commit}}")])?;
    let tree = run::target()?.join("compare").join(commit.trim());
    let (path, target) = (tree.display().to_string(), tree.join("target"));
    if !tree.exists() {
        run::output("git", &["worktree", "add", "--detach", &path, commit.trim()])?;
    }
    let manifest = tree.join("Cargo.toml").display().to_string();
    let words = ["build", "--release", "--manifest-path", &manifest, "--target-dir", &target.display().to_string()];
    let outcome = shown("cargo", &words.map(str::to_owned));
    let programs = tree.with_extension("programs");
    if outcome.is_ok() {
        std::fs::create_dir_all(&programs)?;
        for program in crate::dist::PROGRAMS {
            std::fs::copy(target.join("release").join(program), programs.join(program))?;
        }
    }
    run::output("git", &["worktree", "remove", "--force", &path])?;
    outcome.map(|_| programs)
}
