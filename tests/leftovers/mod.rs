//! Ends what the programs of a test have left running, which would go on for ever once the test's folder is gone.
//!
//! Deliberately absent: the daemon and its programs; it ends them itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Kills every process that has this folder in its command or environment. No other process knows a folder of a test.
pub fn end(folder: &Path) {
    let name = folder.as_os_str().as_encoded_bytes();
    let knows = |pid: u32| {
        ["cmdline", "environ"].iter().any(|file| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.windows(name.len()).any(|part| part == name)
        })
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for pid in pids.filter(|&pid| pid != std::process::id() && knows(pid)) {
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    }
}
