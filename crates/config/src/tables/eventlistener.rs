//! `[eventlistener:x]`: a program's rows, some with other defaults, and those of a pool.

use super::process::*;
use super::{Directive, Kind, Table};

const EVENTS: Directive =
    Directive::new("events", Kind::List, "types of events it is told").required().commented("EVENT").doc(
        "The types of events that are sent to it, in any case, with commas between. A type covers its kinds: `EVENT` is all, \
         `PROCESS_STATE` every change of a state.",
        "PROCESS_STATE_EXITED,TICK_60",
    );
const BUFFER_SIZE: Directive =
    Directive::new("buffer_size", Kind::Integer, "events that may wait").default("10").commented("10").doc(
        "How many events may wait while all listeners of the pool are busy. When it is full the oldest is dropped.",
        "1024",
    );
const RESULT_HANDLER: Directive = Directive::new("result_handler", Kind::Plugin, "what judges a listener's answer")
    .default("supervisor.dispatchers:default_handler")
    .doc(
        "The Python function that judges the answer of a listener. Two are known: Supervisor's own, for which only `OK` is \
         good, and `supervisor_stdout:event_handler`, which prints the answer. No Python is run.",
        "supervisor.dispatchers:default_handler",
    );

/// Its directives.
pub static TABLE: Table = Table {
    section: "eventlistener:",
    doc: "A pool of processes that are told of events on their stdin and answer on their stdout.",
    rows: &[
        COMMAND.commented("/bin/eventlistener"),
        PROCESS_NAME,
        NUMPROCS,
        NUMPROCS_START,
        EVENTS,
        BUFFER_SIZE,
        RESULT_HANDLER,
        DIRECTORY,
        UMASK,
        PRIORITY.default("-1").commented("-1"),
        AUTOSTART,
        STARTSECS,
        STARTRETRIES,
        AUTORESTART,
        EXITCODES,
        STOPSIGNAL,
        STOPWAITSECS,
        STOPASGROUP,
        KILLASGROUP,
        KILLMODE,
        ESSENTIAL,
        ON_EXIT,
        ON_FATAL,
        USER,
        REDIRECT_STDERR
            .commented("false")
            .doc("Must be false: stdout belongs to the conversation with the daemon.", "false"),
        STDOUT_LOGFILE,
        STDOUT_MAXBYTES,
        STDOUT_BACKUPS,
        STDOUT_CAPTURE.unshown(),
        STDOUT_EVENTS,
        STDOUT_SYSLOG,
        STDERR_LOGFILE,
        STDERR_MAXBYTES,
        STDERR_BACKUPS,
        STDERR_CAPTURE.unshown(),
        STDERR_EVENTS,
        STDERR_SYSLOG,
        ENVIRONMENT,
        SERVERURL,
    ],
    open: false,
};
