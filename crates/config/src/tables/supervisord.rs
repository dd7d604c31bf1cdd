//! `[supervisord]`.

use super::{Directive, Kind, Table, Update};

const fn row(name: &'static str, kind: Kind, brief: &'static str) -> Directive {
    Directive::new(name, kind, brief).on_update(Update::Nothing)
}

/// Its directives.
pub static TABLE: Table = Table {
    section: "supervisord",
    doc: "The daemon itself. This section must be there. Flags of the command line win over it.",
    rows: &[
        row("logfile", Kind::FilePath, "the daemon's own log")
            .default("supervisord.log")
            .shown("/tmp/supervisord.log")
            .doc("The path of the daemon's log, `syslog`, or `NONE`.", "/var/log/supervisord.log"),
        row("logfile_maxbytes", Kind::ByteSize, "size at which it is rotated; 0 is never")
            .default("50MB")
            .shown("50MB")
            .doc("The size at which the log is rotated. 0 means never.", "10MB"),
        row("logfile_backups", Kind::Integer, "old logs that are kept; 0 is none")
            .default("10")
            .shown("10")
            .doc("How many rotated logs are kept.", "3"),
        row("loglevel", Kind::Level, "what is logged: error, warn, info, debug, trace")
            .default("info")
            .shown("info")
            .doc("The least grave kind of line that is logged.", "debug"),
        row("pidfile", Kind::FilePath, "where its process id is written")
            .default("supervisord.pid")
            .shown("/tmp/supervisord.pid")
            .doc("The file that holds the daemon's process id while it runs.", "/run/supervisord.pid"),
        row("statefile", Kind::FilePath, "where it keeps what a successor must know; default: pidfile.state")
            .doc(
                "The file in which the daemon notes its programs, so that one that is started after a crash finds them. \
                 Without it the name of the pidfile with `.state` behind it is used, unless that is in `/dev`. `NONE` keeps no such file. It is \
                 removed when the daemon ends in order; the best place is one that is emptied at boot.",
                "/run/supervisord.state",
            ),
        row("orphans", Kind::Orphans, "programs that a crashed daemon has left: adopt, kill or ignore")
            .default("adopt")
            .doc(
                "What to do at the start with programs of a daemon that has died without stopping them. `adopt` goes on \
                 with them where it left off; `kill` ends them first and starts anew; `ignore` leaves them alone and \
                 starts second copies.",
                "kill",
            ),
        row("nodaemon", Kind::Boolean, "stay in the foreground")
            .default("false")
            .shown("false")
            .doc("Whether it stays in the foreground, as containers and systemd want it.", "true"),
        row("silent", Kind::Boolean, "no log on stdout when in the foreground")
            .default("false")
            .shown("false")
            .doc("Whether the log is kept off stdout in the foreground.", "true"),
        row("minfds", Kind::Integer, "file descriptors that must be available")
            .default("1024")
            .shown("1024")
            .doc("The descriptors that must be available; the limit is raised to it, or the start refused.", "65536"),
        row("minprocs", Kind::Integer, "processes that must be available")
            .default("200")
            .shown("200")
            .doc("The processes that must be available; the limit is raised to it, or the start refused.", "1000"),
        row("umask", Kind::Octal, "umask of the daemon")
            .default("022")
            .commented("022")
            .doc("The umask of the daemon once it has gone to the background.", "027"),
        row("user", Kind::User, "user to become when started by root")
            .commented("supervisord")
            .doc("The account that the daemon becomes. Programs cannot have other users then.", "supervisor"),
        row("identifier", Kind::Text, "name of this daemon for clients and listeners")
            .default("supervisor")
            .commented("supervisor")
            .doc("The name by which clients and listeners know this daemon.", "web1"),
        row("directory", Kind::Directory, "where to go in the background; default: stay")
            .commented("/tmp")
            .doc("The directory to change to when going to the background.", "/"),
        row("nocleanup", Kind::Boolean, "leave old AUTO logs at start")
            .default("false")
            .commented("true")
            .doc("Whether the AUTO logs of the last run are left where they are.", "true"),
        row("childlogdir", Kind::Directory, "where AUTO logs are; default: the system's temporary folder")
            .commented("/tmp")
            .doc(
                "The directory of AUTO logs. Without it the system's folder for temporary files is used.",
                "/var/log/supervisor",
            ),
        row("environment", Kind::Pairs, "variables that are added to every program's environment")
            .default("")
            .on_update(Update::Restart)
            .commented("KEY=\"value\"")
            .doc(
                "Variables for all programs. Values of other sections may use them as `%(ENV_KEY)s`.",
                "LANG=\"C.UTF-8\"",
            ),
        row("strip_ansi", Kind::Boolean, "keep escape sequences out of logs")
            .default("false")
            .commented("false")
            .doc("Whether ANSI escape sequences are left out of the logs of programs.", "true"),
    ],
    open: false,
};
