//! How large the daemon's program is, stripped and static.

use anyhow::Result;

use super::Bench;
use super::table::Row;

/// Megabytes of `supervisord`; the reference is a script and an interpreter, so it has no figure.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let sizes = bench.each(|side| {
        let megabytes = std::fs::metadata(side.programs.join("supervisord"))?.len() as f64 / 1e6;
        Ok(megabytes)
    })?;
    let is_program = |size: &f64| *size > 0.1;
    let sizes = sizes.into_iter().map(|size| size.filter(is_program)).collect();
    Ok(vec![Row::lower("supervisord, stripped and static", "MB", sizes).aim("≤ 8 MB")])
}
