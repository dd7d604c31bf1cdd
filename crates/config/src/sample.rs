//! The sample configuration that `echo_supervisord_conf` prints, made from the tables.
//!
//! People change it with sed: its sections and its `option=value` lines, commented or not, are those of the reference.
//! Deliberately absent: options that the reference's sample does not show.

use crate::tables::{
    Directive, Kind, Sample, Table, ctl, eventlistener, group, include, plugin, program, server, supervisord,
};

/// A section of the sample: its header, whether it is commented, and what is said above it.
struct Part {
    table: &'static Table,
    header: &'static str,
    commented: bool,
    words: &'static str,
}

const HEAD: &str = "\
; A sample configuration for supervisord. Take what you need of it.
;
; - A semicolon begins a comment at the start of a line or after a blank, even
;   inside quotes. A command that needs one belongs into a script.
; - No shell reads this file. The environment is reached by %(ENV_HOME)s, the
;   folder of this file by %(here)s; a percent sign is written twice.
; - Quotes around a value belong to the value, but for environment lines.
; - supervisord -t checks this file and says what is wrong or doubtful in it.
; - The files below are in /tmp so that the sample works everywhere. Systems may
;   empty that folder: choose places of your own, for the socket above all.
";

const PARTS: &[Part] = &[
    Part { table: &server::UNIX, header: "unix_http_server", commented: false, words: "" },
    Part {
        table: &server::INET,
        header: "inet_http_server",
        commented: true,
        words: "Whoever reaches this port can run commands as supervisord's user. Bind it to\n\
                localhost or to a network that you trust, and set a name and a password.\n\
                There is no encryption. With require_auth set to true, supervisord does not\n\
                start with a port that asks for no password.",
    },
    Part { table: &supervisord::TABLE, header: "supervisord", commented: false, words: "" },
    Part {
        table: &plugin::RPCINTERFACE,
        header: "rpcinterface:supervisor",
        commented: false,
        words: "Without this section neither supervisorctl nor the web page works.",
    },
    Part {
        table: &ctl::TABLE,
        header: "supervisorctl",
        commented: false,
        words: "How supervisorctl reaches supervisord: as one of the two server sections says.",
    },
    Part {
        table: &program::TABLE,
        header: "program:theprogramname",
        commented: true,
        words: "A program, with every option it can have. Uncomment it and give it a name.",
    },
    Part {
        table: &eventlistener::TABLE,
        header: "eventlistener:theeventlistenername",
        commented: true,
        words: "A program that is told of events on its standard input.",
    },
    Part {
        table: &group::TABLE,
        header: "group:thegroupname",
        commented: true,
        words: "Programs that are started and stopped together.",
    },
    Part {
        table: &include::TABLE,
        header: "include",
        commented: true,
        words: "Further files, with blanks between, relative to this one. They cannot include\n\
                others.",
    },
];

/// The whole sample.
#[must_use]
pub fn sample() -> String {
    let mut out = String::from(HEAD);
    for part in PARTS {
        out.push('\n');
        for line in part.words.lines() {
            out.push_str(&format!("; {line}\n"));
        }
        if !part.words.is_empty() {
            out.push('\n');
        }
        let header = format!("[{}]", part.header);
        out.push_str(&if part.commented { format!(";{header}\n") } else { format!("{header}\n") });
        let rows = part.table.rows.iter();
        let lines: Vec<(String, &str)> = rows.flat_map(|row| lines(row).map(|line| (line, row.brief))).collect();
        let width = lines.iter().map(|(line, _)| line.len()).filter(|&width| width < 40).max().unwrap_or(0);
        for (line, brief) in lines {
            // A line that is longer says enough by itself.
            out.push_str(&if line.len() > width { format!("{line}\n") } else { format!("{line:width$} ; {brief}\n") });
        }
    }
    out
}

/// The lines of one directive: one, two or none.
fn lines(row: &Directive) -> impl Iterator<Item = String> {
    let equals = match (row.sample, row.kind) {
        (Sample::Ours(_), _) => ": ",
        (_, Kind::Plugin | Kind::Patterns) => " = ",
        _ => "=",
    };
    let (set, commented) = match row.sample {
        Sample::Absent => (None, None),
        Sample::Set(value) => (Some(value), None),
        Sample::Commented(value) | Sample::Ours(value) => (None, Some(value)),
        Sample::Either(value, other) => (Some(value), Some(other)),
    };
    let line = move |mark: &str, value: &str| format!("{mark}{}{equals}{value}", row.name);
    set.map(|value| line("", value)).into_iter().chain(commented.map(|value| line(";", value)))
}

#[cfg(test)]
mod tests {
    use super::sample;

    #[test]
    fn no_prose_looks_like_an_option() {
        for line in sample().lines().filter(|line| line.starts_with("; ")) {
            let name = line.trim_start_matches([';', ' ']).split('=').next().unwrap_or_default();
            assert!(!line.contains('=') || name.contains(' '), "{line}");
        }
    }

    #[test]
    fn a_port_of_the_sample_asks_for_a_password_once_its_section_is_used() {
        let used: String = sample().lines().map(|line| format!("{}\n", line.trim_start_matches(';'))).collect();
        let section = used.split_once("[inet_http_server]\n").unwrap().1;
        assert!(section.split_once("\n[").unwrap().0.contains("require_auth: true"));
    }

    #[test]
    fn no_line_is_longer_than_a_terminal_can_show() {
        assert!(sample().lines().all(|line| line.chars().count() <= 120));
    }
}
