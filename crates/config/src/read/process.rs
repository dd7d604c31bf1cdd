//! The processes of a `[program:x]`, `[fcgi-program:x]` or `[eventlistener:x]` section: one, or `numprocs`.
//!
//! What is the same for all copies is read once, what may use `%(process_num)d` for each.
//! Deliberately absent: the splitting of commands, which happens when they are run.

use super::{Reading, View};
use crate::Problem;
use crate::expand::Text;
use crate::tables::Table;
use crate::types::{Autorestart, DaemonConfig, Ending, LogTarget, OutputConfig, ProcessConfig};
use crate::value;
use model::Signal;
use model::limits::NUMPROCS;

/// The `priority` of a process where none is given.
const PRIORITY: i64 = 999;

/// A channel before its options are read.
const NO_OUTPUT: OutputConfig = OutputConfig {
    logfile: LogTarget::None,
    maxbytes: 0,
    backups: 0,
    capture_maxbytes: 0,
    events_enabled: false,
    syslog: false,
};

/// What copies of a program are made from.
struct Mould {
    /// All that they have in common; the rest is overwritten.
    common: ProcessConfig,
    numprocs: i64,
    first: i64,
    /// Not expanded yet.
    process_name: String,
}

impl Reading<'_> {
    pub(super) fn processes_of(
        &self,
        section: &str,
        group: &str,
        table: &'static Table,
        daemon: &DaemonConfig,
    ) -> Vec<ProcessConfig> {
        let node = Text::Str(self.host.node_name());
        let mut view = View::new(self, section, table).here().in_process();
        // A listener and the member of a group are named here for the first time.
        let program = self.name_with(section, view.suffix());
        view = view.name("program_name", program.as_str()).name("host_node_name", node).name("group_name", group);
        let before = self.problem_count();
        let mould = mould(&view, daemon);
        let mut processes = Vec::new();
        for number in mould.first..mould.first.saturating_add(mould.numprocs.clamp(0, NUMPROCS)) {
            processes.extend(self.copy(&mut view, &mould, number, daemon));
            // One copy shows what is wrong with each.
            if self.problem_count() > before {
                break;
            }
        }
        processes
    }

    fn copy(
        &self,
        view: &mut View<'_, '_>,
        mould: &Mould,
        number: i64,
        daemon: &DaemonConfig,
    ) -> Option<ProcessConfig> {
        view.names.retain(|name, _| !name.starts_with("ENV_"));
        view.names.insert("process_num".into(), Text::Int(number));
        view.names.insert("numprocs".into(), Text::Int(mould.numprocs));
        let environment = environment(view)?;
        for (name, value) in &environment {
            view.names.insert(format!("ENV_{name}"), Text::Str(value.clone()));
        }
        let directory = view.text("directory");
        let stdout = output(view, "stdout", &mould.common.stdout);
        let stderr = output(view, "stderr", &mould.common.stderr);
        let stderr = if mould.common.redirect_stderr { redirected(view, stderr) } else { stderr };
        let command = view.text("command");
        if command.is_none() && !view.is_set("command") {
            let words = format!("program section {} does not specify a command", view.section);
            view.fail_hinted("command", words, "add a line command=/path/to/program");
        }
        let name = view.expanded("process_name", "process_name", &mould.process_name);
        Some(ProcessConfig {
            name: name?,
            command: command?,
            directory,
            environment: layered(&daemon.environment, environment),
            stdout,
            stderr,
            ..mould.common.clone()
        })
    }
}

/// The settings of a stderr that goes where stdout goes.
fn redirected(view: &View<'_, '_>, stderr: OutputConfig) -> OutputConfig {
    if matches!(stderr.logfile, LogTarget::File(_)) {
        view.reading.warn(format!(
            "For [{}], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been \
             ignored",
            view.section
        ));
    }
    OutputConfig { logfile: LogTarget::None, ..stderr }
}

/// The program's own variables.
fn environment(view: &View<'_, '_>) -> Option<Vec<(String, String)>> {
    let text = view.expanded("environment", "environment", view.raw("environment").unwrap_or_default())?;
    match value::key_values(&text) {
        Ok(pairs) => Some(pairs),
        Err(words) => {
            view.fail("environment", words);
            None
        }
    }
}

/// The daemon's variables, then the program's over them.
fn layered(daemon: &[(String, String)], own: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = daemon.to_vec();
    for (name, value) in own {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => all.push((name, value)),
        }
    }
    all
}

/// What does not depend on the number, in the reference's order.
fn mould(view: &View<'_, '_>, daemon: &DaemonConfig) -> Mould {
    let mut common = ProcessConfig { strip_ansi: daemon.strip_ansi, ..life(view) };
    if !view.is_set("killasgroup") {
        common.killasgroup = common.stopasgroup;
    }
    endings(view, &mut common);
    let numprocs = view.value("numprocs", value::integer);
    let first = view.value("numprocs_start", value::integer);
    common.stdout = fixed_output(view, "stdout");
    common.stderr = fixed_output(view, "stderr");
    common.serverurl = view.text("serverurl").filter(|url| !url.trim().eq_ignore_ascii_case("auto"));
    common.user = view.parsed("user", |text| value::user(view.reading.host, text));
    common.umask = view.parsed("umask", value::octal);
    let process_name = process_name(view, numprocs);
    both_or_neither(view, &common);
    Mould { common, numprocs, first, process_name }
}

/// How a process starts, ends and is ended, which the reference reads first (the fields of a literal are evaluated as
/// written). All else is empty.
fn life(view: &View<'_, '_>) -> ProcessConfig {
    ProcessConfig {
        // The default of a listener's row is its pool's: the processes have that of programs all the same.
        priority: if view.is_set("priority") { view.value("priority", value::integer) } else { PRIORITY },
        autostart: view.value("autostart", value::boolean),
        autorestart: view.parsed("autorestart", value::autorestart).unwrap_or(Autorestart::Unexpected),
        startsecs: view.value("startsecs", value::integer),
        startretries: view.value("startretries", value::integer),
        stopsignal: view.parsed("stopsignal", value::signal).unwrap_or(Signal::TERM),
        stopwaitsecs: view.value("stopwaitsecs", value::integer),
        stopasgroup: view.value("stopasgroup", value::boolean),
        killasgroup: view.value("killasgroup", value::boolean),
        killmode: view.value("killmode", value::kill_mode),
        on_exit: view.value("on_exit", value::ending),
        on_fatal: view.value("on_fatal", value::ending),
        exitcodes: view.value("exitcodes", value::exit_codes),
        redirect_stderr: view.value("redirect_stderr", value::boolean),
        stdout: NO_OUTPUT,
        stderr: NO_OUTPUT,
        serverurl: None,
        user: None,
        umask: None,
        socket: None,
        strip_ansi: false,
        name: String::new(),
        command: String::new(),
        directory: None,
        environment: Vec::new(),
    }
}

/// `essential` is short for both endings.
fn endings(view: &View<'_, '_>, process: &mut ProcessConfig) {
    let essential: bool = view.value("essential", value::boolean);
    for (option, ending) in [("on_exit", &mut process.on_exit), ("on_fatal", &mut process.on_fatal)] {
        if essential && !view.is_set(option) {
            *ending = Ending::Shutdown;
        }
    }
}

/// The stop signal cannot reach more than SIGKILL does.
fn both_or_neither(view: &View<'_, '_>, process: &ProcessConfig) {
    if process.stopasgroup && !process.killasgroup {
        let words = "Cannot set stopasgroup=true and killasgroup=false";
        view.fail_hinted("killasgroup", words, "leave killasgroup out, or set stopasgroup=false");
    }
}

fn process_name(view: &View<'_, '_>, numprocs: i64) -> String {
    let name = value::name(view.raw("process_name").unwrap_or_default()).unwrap_or_else(|words| {
        view.fail_hinted("process_name", words, "a name has no blanks, colons or slashes");
        String::new()
    });
    if numprocs > 1 && !name.contains("%(process_num)") {
        let words = "%(process_num) must be present within process_name when numprocs > 1";
        view.fail_hinted("process_name", words, "such as process_name=%(program_name)s_%(process_num)02d");
    }
    if numprocs > NUMPROCS {
        view.fail_hinted("numprocs", format!("{numprocs} processes are too many"), &format!("at most {NUMPROCS}"));
    }
    name
}

/// The settings of a channel that do not depend on the number.
fn fixed_output(view: &View<'_, '_>, channel: &str) -> OutputConfig {
    OutputConfig {
        capture_maxbytes: view.value(&format!("{channel}_capture_maxbytes"), value::byte_size),
        events_enabled: view.value(&format!("{channel}_events_enabled"), value::boolean),
        ..NO_OUTPUT
    }
}

/// The settings of a channel that may depend on the number.
fn output(view: &View<'_, '_>, channel: &str, fixed: &OutputConfig) -> OutputConfig {
    let key = format!("{channel}_logfile");
    let target = logfile(view, &key);
    let backups = view.value(&format!("{key}_backups"), value::small_count);
    let maxbytes = view.value(&format!("{key}_maxbytes"), value::byte_size);
    let syslog_key = format!("{channel}_syslog");
    let syslog = view.value(&syslog_key, value::boolean);
    let (logfile, old_syslog) = target;
    let section = view.section;
    if old_syslog {
        view.reading.warn(format!(
            "For [{section}], {key}=syslog but this is deprecated and will be removed.  Use {syslog_key}=true to enable \
             syslog instead."
        ));
    }
    if logfile == LogTarget::Auto && maxbytes == 0 {
        view.reading.warn(format!(
            "For [{section}], AUTO logging used for {key} without rollover, set maxbytes > 0 to avoid filling up \
             filesystem unintentionally"
        ));
    }
    OutputConfig { logfile, maxbytes, backups, syslog: syslog || old_syslog, ..fixed.clone() }
}

/// A log's target, and whether it was the old word `syslog`.
fn logfile(view: &View<'_, '_>, key: &str) -> (LogTarget, bool) {
    let host = view.reading.host;
    let Some(text) = view.text(key) else { return (LogTarget::None, false) };
    value::log_target(host, &text).unwrap_or_else(|words| {
        let problem: Problem = view.problem(key, words);
        view.reading.tell_once(problem.hint(format!("make the directory, or set {key}=NONE")));
        (LogTarget::None, false)
    })
}
