//! `[fcgi-program:x]`: a program's rows and those of the socket that its processes share.

use super::process::*;
use super::{Directive, Kind, Table, Update};

const SOCKET: Directive = Directive::new("socket", Kind::Socket, "socket its processes share").required().doc(
    "The socket that the daemon opens and gives to all processes as descriptor 0.",
    "unix:///run/%(program_name)s.sock",
);
const SOCKET_BACKLOG: Directive =
    Directive::new("socket_backlog", Kind::Integer, "connections that may wait; default: as many as the system allows")
        .on_update(Update::Nothing)
        .doc("How many connections may wait to be accepted (listen(2)), from 1 to 65535.", "128");
const SOCKET_OWNER: Directive =
    Directive::new("socket_owner", Kind::UserGroup, "owner of a unix socket; default: the program's user")
        .on_update(Update::Nothing)
        .doc("The owner of the socket file. Only for unix sockets.", "www-data:www-data");
const SOCKET_MODE: Directive = Directive::new("socket_mode", Kind::Octal, "mode of a unix socket; default 0700")
    .on_update(Update::Nothing)
    .doc("The mode of the socket file. Only for unix sockets.", "0770");

/// Its directives.
pub static TABLE: Table = Table {
    section: "fcgi-program:",
    doc: "A FastCGI program: its processes accept connections on one socket, which the daemon holds for them.",
    rows: &[
        COMMAND.unshown(),
        SOCKET,
        SOCKET_BACKLOG,
        SOCKET_OWNER,
        SOCKET_MODE,
        PROCESS_NAME.unshown(),
        NUMPROCS.unshown(),
        NUMPROCS_START.unshown(),
        DIRECTORY.unshown(),
        UMASK.unshown(),
        PRIORITY.unshown(),
        AUTOSTART.unshown(),
        STARTSECS.unshown(),
        STARTRETRIES.unshown(),
        AUTORESTART.unshown(),
        EXITCODES.unshown(),
        STOPSIGNAL.unshown(),
        STOPWAITSECS.unshown(),
        STOPASGROUP.unshown(),
        KILLASGROUP.unshown(),
        KILLMODE,
        ESSENTIAL,
        ON_EXIT,
        ON_FATAL,
        USER.unshown(),
        REDIRECT_STDERR.unshown(),
        STDOUT_LOGFILE.unshown(),
        STDOUT_MAXBYTES.unshown(),
        STDOUT_BACKUPS.unshown(),
        STDOUT_CAPTURE.unshown(),
        STDOUT_EVENTS.unshown(),
        STDOUT_SYSLOG.unshown(),
        STDERR_LOGFILE.unshown(),
        STDERR_MAXBYTES.unshown(),
        STDERR_BACKUPS.unshown(),
        STDERR_CAPTURE.unshown(),
        STDERR_EVENTS.unshown(),
        STDERR_SYSLOG.unshown(),
        ENVIRONMENT.unshown(),
        SERVERURL.unshown(),
    ],
    open: false,
};
