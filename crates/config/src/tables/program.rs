//! `[program:x]`.

use super::Table;
use super::process::*;

/// Its directives.
pub static TABLE: Table = Table {
    section: "program:",
    doc: "A program that is supervised. Several processes can be made of one section with `numprocs`; they form a group \
          of the program's name, unless a `[group:x]` takes them.",
    rows: &[
        COMMAND,
        PROCESS_NAME,
        NUMPROCS,
        NUMPROCS_START,
        DIRECTORY,
        UMASK,
        PRIORITY,
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
        REDIRECT_STDERR,
        STDOUT_LOGFILE,
        STDOUT_MAXBYTES,
        STDOUT_BACKUPS,
        STDOUT_CAPTURE,
        STDOUT_EVENTS,
        STDOUT_SYSLOG,
        STDERR_LOGFILE,
        STDERR_MAXBYTES,
        STDERR_BACKUPS,
        STDERR_CAPTURE,
        STDERR_EVENTS,
        STDERR_SYSLOG,
        ENVIRONMENT,
        SERVERURL,
    ],
    open: false,
};
