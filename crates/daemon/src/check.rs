//! `supervisord -t`: checks a configuration, says all that is wrong or doubtful with it, and exits.
//!
//! Problems go to stderr, one a line, as compilers write them; the verdict goes to stdout. The status is 0 if the daemon
//! would start, else 2; with `--strict` it is 2 for doubts too.
//! Deliberately absent: the check itself (`config::check`).

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use config::{Errors, Host, Problem, Report};

use crate::options::Options;

/// Checks the file and tells.
pub fn test_config(host: &dyn Host, path: &Path, options: &Options) -> ExitCode {
    let report = config::check(host, path, &options.flags);
    let (problems, verdict, good) = render(path, &report, options.strict);
    eprint!("{problems}");
    println!("{verdict}");
    if good { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// With `--strict`, doubts are what the configuration is refused for.
#[must_use]
pub fn strictly(report: &Report) -> Option<Errors> {
    (!report.warnings.is_empty()).then(|| Errors(report.warnings.clone()))
}

/// The lines about problems, the verdict, and whether it is a good one.
fn render(path: &Path, report: &Report, strict: bool) -> (String, String, bool) {
    let mut lines = String::new();
    let doubts = if strict { "error" } else { "warning" };
    let told = report.errors.iter().map(|problem| ("error", problem));
    for (kind, problem) in told.chain(report.warnings.iter().map(|problem| (doubts, problem))) {
        line(&mut lines, kind, problem);
    }
    let (mut errors, mut warnings) = (report.errors.len(), report.warnings.len());
    if strict {
        (errors, warnings) = (errors + warnings, 0);
    }
    let path = path.display();
    let found = match (errors, warnings) {
        (0, 0) => String::new(),
        (0, warnings) => format!(", {}", counted(warnings, "warning")),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    match &report.config {
        Some(config) if errors == 0 => {
            let processes: usize = config.groups.iter().map(|group| group.processes.len()).sum();
            let (processes, groups) = (counted(processes, "process"), counted(config.groups.len(), "group"));
            (lines, format!("{path}: good, {processes} in {groups}{found}"), true)
        }
        _ => (lines, format!("{path}: not good, {found}"), false),
    }
}

fn line(out: &mut String, kind: &str, problem: &Problem) {
    let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
    let rest = Problem { place: None, ..problem.clone() };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{place}{kind}: {rest}");
}

fn counted(number: usize, what: &str) -> String {
    let plural = match what {
        _ if number == 1 => "",
        "process" => "es",
        _ => "s",
    };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::{Place, Problem, Report};

    use super::render;

    fn problem(line: usize, text: &str) -> Problem {
        let place = Some(Place { file: Path::new("/etc/x.conf").into(), line });
        let section = Some("program:x".to_owned());
        Problem { place, section, option: Some("user".into()), ..Problem::new(text).hint("a user's name") }
    }

    #[test]
    fn a_problem_is_a_line_with_its_place_and_the_verdict_counts_them() {
        let report =
            Report { config: None, errors: vec![problem(3, "Invalid user name x")], warnings: vec![problem(4, "odd")] };
        let (lines, verdict, good) = render(Path::new("/etc/x.conf"), &report, false);
        assert_eq!(
            lines,
            "/etc/x.conf:3: error: [program:x] user: Invalid user name x (a user's name)\n\
             /etc/x.conf:4: warning: [program:x] user: odd (a user's name)\n"
        );
        assert_eq!((verdict.as_str(), good), ("/etc/x.conf: not good, 1 error, 1 warning", false));
        let (_, verdict, _) = render(Path::new("/etc/x.conf"), &report, true);
        assert_eq!(verdict, "/etc/x.conf: not good, 2 errors");
    }
}
