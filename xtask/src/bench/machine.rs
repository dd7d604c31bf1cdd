//! The machine that was measured on, in a sentence or two.

use anyhow::Result;

use crate::run;

/// Processor, memory, kernel, file system of the logs, revision and date.
pub fn described() -> Result<String> {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, word: &str| {
        let line = text.lines().find(|line| line.starts_with(word)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism()?;
    let processor = after(&text("/proc/cpuinfo"), "model name");
    let memory = after(&text("/proc/meminfo"), "MemTotal");
    let kernel = text("/proc/sys/kernel/osrelease");
    let kind = run::output("stat", &["--file-system", "--format=%T", &std::env::temp_dir().display().to_string()])?;
    let revision = run::output("git", &["rev-parse", "--short", "HEAD"])?;
    let date = run::output("date", &["+%Y-%m-%d"])?;
    Ok(format!(
        "Measured on {}: {cores} cores ({processor}), {memory} of memory, Linux {}, logs on {}; revision {}.",
        date.trim(),
        kernel.trim(),
        kind.trim(),
        revision.trim()
    ))
}
