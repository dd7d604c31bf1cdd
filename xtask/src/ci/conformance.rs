//! The conformance run: our programs against the kept transcripts of the reference.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// More differing scenarios than this are no matter of a busy machine.
const RETRIES: usize = 8;

/// Where what we do instead is kept, for scenarios that differ on purpose (docs/compatibility.md says why).
const DELIBERATE: &str = "conformance/deliberate";

/// Runs all scenarios; one that differs is run once more alone, and is told as flaky if it agrees then. One that differs on
/// purpose must do exactly what is kept for it.
pub fn agrees(programs: &str) -> Result<()> {
    let (all, ok) = conform(&["--candidate", programs, "--jobs", "4"])?;
    print!("{all}");
    let differing: Vec<&str> = all.lines().filter_map(differs).collect();
    if ok {
        return Ok(());
    }
    if differing.is_empty() || differing.len() > RETRIES {
        bail!("{} scenarios differ from the reference", differing.len());
    }
    let mut still = Vec::new();
    for name in differing {
        if run::top().join(DELIBERATE).join(format!("{name}.json")).exists() {
            let (again, ok) =
                conform(&["--candidate", programs, "--transcripts", DELIBERATE, "--only", name, "--verbose"])?;
            println!("{}", if ok { format!("DELIBERATE {name}: does what is kept for it") } else { again });
            if !ok {
                still.push(name);
            }
            continue;
        }
        let (again, ok) = conform(&["--candidate", programs, "--only", name, "--verbose"])?;
        if ok {
            println!("FLAKY {name}: differed beside others, agrees alone");
        } else {
            println!("{again}");
            still.push(name);
        }
    }
    if !still.is_empty() {
        bail!("these scenarios differ from the reference twice: {}", still.join(", "));
    }
    Ok(())
}

/// The name in a line `DIFFERS name: …`.
fn differs(line: &str) -> Option<&str> {
    line.strip_prefix("DIFFERS ").and_then(|rest| rest.split(':').next())
}

fn conform(arguments: &[&str]) -> Result<(String, bool)> {
    let said = Command::new(run::top().join("conformance/conform"))
        .args(arguments)
        .current_dir(run::top())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run conformance/conform: is python3 installed?")?;
    Ok((String::from_utf8_lossy(&said.stdout).into_owned(), said.status.success()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_differing_scenario_is_named() {
        assert_eq!(super::differs("DIFFERS ctl.a_name: 1 of 2 rows"), Some("ctl.a_name"));
        assert_eq!(super::differs("agrees ctl.a_name (2 rows)"), None);
    }
}
