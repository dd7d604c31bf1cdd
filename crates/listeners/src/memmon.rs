//! `memmon`: restarts processes that use too much memory, at each tick.
//!
//! Other than the reference's: a process is restarted at most once a tick whatever options it meets, `-p group:name` works, `-n` stays
//! when `-p` or `-g` follow it, and memmon does not stop itself.

use std::collections::BTreeMap;
use std::process::ExitCode;

use wire::listener::Notification;
use wire::python::repr;

use crate::net::rpc::{Daemon, Process, RpcError};
use crate::options::{self, HELP, Opt, Parsed};
use crate::protocol::{self, Over};
use crate::stage::Stage;
use crate::{clock, mail, python, resident};

const TABLE: &[Opt] = &[
    HELP,
    Opt { short: Some('c'), long: "cumulative", value: None, help: "count the memory of a process' descendants too" },
    Opt {
        short: Some('p'),
        long: "program",
        value: Some("NAME=SIZE"),
        help: "restart this process (name or group:name) when it uses more; may be given more than once",
    },
    Opt {
        short: Some('g'),
        long: "group",
        value: Some("NAME=SIZE"),
        help: "restart any process of this group that uses more; may be given more than once",
    },
    Opt { short: Some('a'), long: "any", value: Some("SIZE"), help: "restart any process that uses more" },
    Opt {
        short: Some('s'),
        long: "sendmail_program",
        value: Some("COMMAND"),
        help: "give mails to this command (default: /usr/sbin/sendmail -t -i)",
    },
    Opt { short: Some('m'), long: "email", value: Some("ADDRESS"), help: "mail restarts to this address" },
    Opt {
        short: Some('u'),
        long: "uptime",
        value: Some("TIME"),
        help: "mail only about processes that were up for no longer: seconds, or a number with m, h or d",
    },
    Opt { short: Some('n'), long: "name", value: Some("NAME"), help: "call this memmon so in the mails' subjects" },
];
const SIZES: &[(&str, i64)] = &[("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
const TIMES: &[(&str, i64)] = &[("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];

#[derive(Debug)]
struct Memmon {
    cumulative: bool,
    programs: BTreeMap<String, i64>,
    groups: BTreeMap<String, i64>,
    any: Option<i64>,
    sendmail: String,
    email: Option<String>,
    uptime: i64,
    name: Option<String>,
}

/// The program.
pub fn main() -> ExitCode {
    Stage::real("memmon", run)
}

/// Runs it on a stage; its exit status.
pub fn run(stage: &mut Stage) -> u8 {
    let usage = options::usage(
        "memmon [-c] [-p name=size]... [-g group=size]... [-a size] [-s command] [-m address] [-u time] [-n name]",
        "Restarts processes that have more memory in use (RSS) than a size: bytes, or a number with KB, MB or GB.\n\
         It is an event listener for TICK_5, TICK_60 or TICK_3600 events.",
        TABLE,
    );
    if stage.arguments.is_empty() {
        stage.print(&usage);
        return 255;
    }
    let parsed = match stage.options(TABLE, &usage) {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let memmon = match Memmon::of(&parsed) {
        Ok(memmon) => memmon,
        Err(why) => {
            // On stdout, as the reference: the exit status is what a supervisor sees.
            stage.print(&format!("{why}\n{usage}"));
            return 255;
        }
    };
    match Daemon::of(&stage.environment) {
        Ok(daemon) => protocol::serve(stage, |stage, event| memmon.heard(stage, &daemon, event)),
        Err(why) => {
            stage.complain(&format!("it must be run as a supervisor event listener: {why}"));
            1
        }
    }
}

/// A number with one of these endings, in any case, or without.
fn multiplied(text: &str, endings: &[(&str, i64)]) -> Option<i64> {
    let text = text.to_lowercase();
    let ending = endings.iter().find_map(|(ending, times)| Some((text.strip_suffix(ending)?, times)));
    let (number, times) = ending.unwrap_or((&text, &1));
    Some(python::integer(number)?.saturating_mul(*times))
}

impl Memmon {
    fn of(parsed: &Parsed) -> Result<Self, String> {
        let mut memmon = Self {
            cumulative: parsed.has("cumulative"),
            programs: BTreeMap::new(),
            groups: BTreeMap::new(),
            any: None,
            sendmail: parsed.last("sendmail_program").unwrap_or_else(|| mail::SENDMAIL.to_owned()),
            email: parsed.last("email"),
            uptime: i64::MAX,
            name: parsed.last("name"),
        };
        for found in &parsed.found {
            let (value, option) = (&found.value, repr(&found.written));
            let size = |text: &str| {
                multiplied(text, SIZES).ok_or_else(|| format!("Unparseable byte_size in {} for {option}", repr(text)))
            };
            let pair = || {
                let pair = value.split_once('=').filter(|(_, size)| !size.contains('='));
                let (name, text) = pair.ok_or_else(|| format!("Unparseable value {} for {option}", repr(value)))?;
                Ok::<_, String>((name.to_owned(), size(text)?))
            };
            match found.long {
                "program" => drop(pair().map(|(name, size)| memmon.programs.insert(name, size))?),
                "group" => drop(pair().map(|(name, size)| memmon.groups.insert(name, size))?),
                "any" => memmon.any = Some(size(value)?),
                "uptime" => {
                    let time = multiplied(value, TIMES);
                    let bad = || format!("Unparseable value for time in {} for {}", repr(value), found.written);
                    memmon.uptime = time.ok_or_else(bad)?;
                }
                _ => {}
            }
        }
        Ok(memmon)
    }

    fn heard(&self, stage: &mut Stage, daemon: &Daemon, event: &Notification) -> Result<(), Over> {
        if !protocol::is_tick(event) {
            return Ok(());
        }
        stage.say(&self.plan());
        let processes = daemon.processes().map_err(|why| Over::Fatal(format!("memmon: getAllProcessInfo: {why}\n")))?;
        for process in &processes {
            self.check(stage, daemon, process)?;
        }
        Ok(())
    }

    /// What is looked at, as each tick's first lines tell it.
    fn plan(&self) -> String {
        let listed = |limits: &BTreeMap<String, i64>| {
            let limits: Vec<String> = limits.iter().map(|(name, size)| format!("{name}={size}")).collect();
            limits.join(", ")
        };
        let mut lines = Vec::new();
        if !self.programs.is_empty() {
            lines.push(format!("Checking programs {}", listed(&self.programs)));
        }
        if !self.groups.is_empty() {
            lines.push(format!("Checking groups {}", listed(&self.groups)));
        }
        if let Some(any) = self.any {
            lines.push(format!("Checking any={any}"));
        }
        lines.join("\n") + "\n"
    }

    /// Look at a process under each option that names it, until one makes it be restarted.
    fn check(&self, stage: &mut Stage, daemon: &Daemon, process: &Process) -> Result<(), Over> {
        let resident = if self.cumulative { resident::of_tree } else { resident::of };
        // One that does not run has the number 0, and any other may have ended since.
        let Some(rss) = u32::try_from(process.pid).ok().and_then(resident) else { return Ok(()) };
        let full = format!("{}:{}", process.group, process.name);
        let limits = [self.programs.get(&process.name), self.programs.get(&full), self.groups.get(&process.group)];
        for limit in limits.into_iter().flatten().chain(self.any.as_ref()) {
            stage.say(&format!("RSS of {full} is {rss}\n"));
            if rss > *limit {
                return self.restart(stage, daemon, &full, rss);
            }
        }
        Ok(())
    }

    fn restart(&self, stage: &mut Stage, daemon: &Daemon, name: &str, rss: i64) -> Result<(), Over> {
        if stage.own_name().as_deref() == Some(name) {
            stage.say(&format!("Not restarting {name}: it is this memmon\n"));
            return Ok(());
        }
        let uptime = match daemon.process(name) {
            Ok(process) => process.uptime,
            Err(why) => return Err(Over::Fatal(format!("memmon: getProcessInfo of {name}: {why}\n"))),
        };
        stage.say(&format!("Restarting {name}\n"));
        if let Err(why) = daemon.stop(name) {
            let text = format!("Failed to stop process {name} (RSS {rss}), exiting: {why}");
            return self.give_up(stage, &format!("failed to stop process {name}, exiting"), text, &why);
        }
        if let Err(why) = daemon.start(name) {
            let text = format!("Failed to start process {name} after stopping it, exiting: {why}");
            return self.give_up(stage, &format!("failed to start process {name}, exiting"), text, &why);
        }
        if uptime <= self.uptime {
            let text = format!(
                "memmon.py restarted the process named {name} at {} because it was consuming too much memory ({rss} bytes RSS)",
                clock::asctime_with_zone()
            );
            self.mail(stage, &format!("process {name} restarted"), &text);
        }
        Ok(())
    }

    /// End, with a mail if the daemon refused: a process may be down now, and a new memmon looks at everything afresh.
    fn give_up(&self, stage: &mut Stage, subject: &str, text: String, why: &RpcError) -> Result<(), Over> {
        if matches!(why, RpcError::Fault(..)) {
            self.mail(stage, subject, &text);
        }
        Err(Over::Fatal(text))
    }

    fn mail(&self, stage: &mut Stage, subject: &str, text: &str) {
        let named = self.name.as_ref().map_or("memmon".to_owned(), |name| format!("memmon [{name}]"));
        if let Some(email) = &self.email {
            mail::sendmail(stage, &self.sendmail, email, &format!("{named}: {subject}"), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Memmon, SIZES, TABLE, TIMES, multiplied};
    use crate::options::{Manner, parse};

    fn memmon(line: &str) -> Result<Memmon, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Memmon::of(&parse(TABLE, Manner::Getopt, &words).unwrap())
    }

    #[test]
    fn sizes_and_times_take_endings_in_any_case() {
        for (text, bytes) in [("10", 10), ("1KB", 1024), ("2mb", 2 << 20), (" 3 Gb", 3 << 30), ("-1", -1)] {
            assert_eq!(multiplied(text, SIZES), Some(bytes), "{text}");
        }
        for text in ["", "KB", "1.5MB", "12XB", "1K"] {
            assert_eq!(multiplied(text, SIZES), None, "{text}");
        }
        assert_eq!([multiplied("2d", TIMES), multiplied("1M", TIMES)], [Some(172_800), Some(60)]);
        assert_eq!(multiplied("9999999999999gb", SIZES), Some(i64::MAX));
    }

    #[test]
    fn a_name_given_first_stays() {
        let memmon = memmon("-n home -p web=1KB -g shop=2 -a 3 -u 1h").unwrap();
        assert_eq!(memmon.name.as_deref(), Some("home"));
        assert_eq!(memmon.plan(), "Checking programs web=1024\nChecking groups shop=2\nChecking any=3\n");
        assert_eq!(memmon.uptime, 3600);
    }

    #[test]
    fn what_is_no_size_is_named() {
        for (line, text) in [
            ("-p hog", "Unparseable value 'hog' for '-p'"),
            ("--group=a=b=1", "Unparseable value 'a=b=1' for '--group'"),
            ("-a lots", "Unparseable byte_size in 'lots' for '-a'"),
            ("-u soon", "Unparseable value for time in 'soon' for -u"),
        ] {
            assert_eq!(memmon(line).unwrap_err(), text);
        }
    }
}
