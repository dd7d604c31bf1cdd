//! `cargo xtask dist`: one folder with the programs as they are shipped, and the licences.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::ci;
use crate::run;

/// What a folder of programs holds.
pub const PROGRAMS: [&str; 10] = [
    "supervisord",
    "supervisorctl",
    "echo_supervisord_conf",
    "pidproxy",
    "crashmail",
    "crashmailbatch",
    "crashsms",
    "fatalmailbatch",
    "httpok",
    "memmon",
];

/// Builds the programs and lays them into `--to FOLDER` (default: `dist` in cargo's target folder).
pub fn main(arguments: &[String]) -> Result<()> {
    ci::shown("cargo", &["build", "--release"].map(str::to_owned))?;
    let target = run::target()?;
    let folder = run::option(arguments, "--to").map_or_else(|| target.join("dist"), PathBuf::from);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for program in PROGRAMS {
        let from = target.join("release").join(program);
        ensure!(is_static(&from)?, "{} is not static: see tools/rustc-static", from.display());
        let to = folder.join(program);
        std::fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        println!("{:>9} bytes  {}", to.metadata()?.len(), to.display());
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        std::fs::copy(run::top().join(licence), folder.join(licence))?;
    }
    Ok(())
}

/// True for an ELF file that names no program interpreter: it loads nothing when it starts.
fn is_static(path: &std::path::Path) -> Result<bool> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let word = b"ld-linux";
    Ok(bytes.starts_with(b"\x7fELF") && !bytes.windows(word.len()).take(4096).any(|window| window == word))
}
