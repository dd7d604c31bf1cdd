//! The rows that programs, FastCGI programs and event listeners share.
//!
//! Deliberately absent: what only one of them has (in its own file).

use super::{Directive, Kind};

pub(super) const COMMAND: Directive =
    Directive::new("command", Kind::Text, "the program and its arguments").required().commented("/bin/cat").doc(
        "The program that is run, with its arguments. It is split into words as a shell splits them, but no shell runs \
         it: pipes, redirections, `~`, `$HOME` and wildcards are plain text. A program without a slash is searched in \
         PATH. It must stay in the foreground. A `;` or `#` after white space begins a comment, even in quotes.",
        "/usr/sbin/nginx -g \"daemon off;\"",
    );
pub(super) const PROCESS_NAME: Directive =
    Directive::new("process_name", Kind::Text, "name of each process, may use %(process_num)d")
        .default("%(program_name)s")
        .commented("%(program_name)s")
        .doc(
            "The name under which a process is shown. With `numprocs` above 1 it must contain `%(process_num)`.",
            "%(program_name)s_%(process_num)02d",
        );
pub(super) const NUMPROCS: Directive = Directive::new("numprocs", Kind::Integer, "how many processes of it are run")
    .default("1")
    .commented("1")
    .doc("The number of processes that are made of this section.", "4");
pub(super) const NUMPROCS_START: Directive =
    Directive::new("numprocs_start", Kind::Integer, "number of the first process")
        .default("0")
        .doc("The value of `%(process_num)d` in the first process.", "1");
pub(super) const DIRECTORY: Directive =
    Directive::new("directory", Kind::Path, "where it is run; default: where supervisord is")
        .commented("/tmp")
        .doc("The working directory of the process. Without it the daemon's own is kept.", "/srv/app");
pub(super) const UMASK: Directive = Directive::new("umask", Kind::Octal, "its umask; default: supervisord's")
    .commented("022")
    .doc("The umask of the process (umask(2)), in octal.", "027");
pub(super) const PRIORITY: Directive =
    Directive::new("priority", Kind::Integer, "lower ones start first and stop last")
        .default("999")
        .commented("999")
        .doc("The order of starting and stopping: the lowest number is started first and stopped last.", "10");
pub(super) const AUTOSTART: Directive = Directive::new("autostart", Kind::Boolean, "start it with supervisord")
    .default("true")
    .commented("true")
    .doc("Whether it is started when the daemon starts or the group is added.", "false");
pub(super) const STARTSECS: Directive = Directive::new(
    "startsecs",
    Kind::Integer,
    "seconds it must stay up to count as running",
)
.default("1")
.commented("1")
.doc(
    "The seconds after which a start counts as a success (STARTING becomes RUNNING). An exit before is a failed \
             start, whatever its status. With 0 every start succeeds.",
    "5",
);
pub(super) const STARTRETRIES: Directive =
    Directive::new("startretries", Kind::Integer, "failed starts that are tried again")
        .default("3")
        .commented("3")
        .doc(
            "How often a failed start is tried again before the process is FATAL. Each try waits a second longer than \
             the one before.",
            "10",
        );
pub(super) const AUTORESTART: Directive =
    Directive::new("autorestart", Kind::Autorestart, "start it again when it has exited: true, false, unexpected")
        .default("unexpected")
        .commented("unexpected")
        .doc(
            "What follows an exit of a running process: `true` starts it again, `false` does not, `unexpected` only if \
             its status is none of `exitcodes`.",
            "true",
        );
pub(super) const EXITCODES: Directive = Directive::new("exitcodes", Kind::ExitCodes, "exit statuses that are expected")
    .default("0")
    .commented("0")
    .doc("The exit statuses that are expected, with commas between. Used by `autorestart=unexpected`.", "0,2");
pub(super) const STOPSIGNAL: Directive = Directive::new("stopsignal", Kind::Signal, "signal that asks it to end")
    .default("TERM")
    .commented("QUIT")
    .doc("The signal that is sent to stop it.", "QUIT");
pub(super) const STOPWAITSECS: Directive =
    Directive::new("stopwaitsecs", Kind::Integer, "seconds until SIGKILL follows")
        .default("10")
        .commented("10")
        .doc("The seconds that a process has to end after its stop signal before it is sent SIGKILL.", "60");
pub(super) const STOPASGROUP: Directive =
    Directive::new("stopasgroup", Kind::Boolean, "send the stop signal to its whole process group")
        .default("false")
        .commented("false")
        .doc("Whether the stop signal goes to the whole process group. It implies `killasgroup`.", "true");
pub(super) const KILLASGROUP: Directive = Directive::new(
    "killasgroup",
    Kind::Boolean,
    "send SIGKILL to its whole process group; default: as stopasgroup",
)
.commented("false")
.doc(
    "Whether SIGKILL goes to the whole process group. It is what `stopasgroup` is unless it is set, and cannot be \
             false while that is true.",
    "true",
);
pub(super) const KILLMODE: Directive =
    Directive::new("killmode", Kind::KillMode, "whom a stop reaches: process, group, tree or cgroup").default("process").doc(
        "Whom the stop signal, and SIGKILL after it, reach. `process`: the process alone, or its group as `stopasgroup` \
         and `killasgroup` say. `group`: its process group. `tree`: all of its descendants, those in other sessions too; \
         the process counts as stopped when the last of them is gone, and when it ends by itself those that it leaves \
         behind get SIGKILL. A descendant that has both lost its parents and replaced its environment before the stop \
         cannot be told from a stranger. `cgroup`: all in a control group of its own (cgroup2), which nothing leaves; \
         SIGKILL reaches them in one step, so it ends a fork bomb too. It needs Linux 5.14 and a control group that the \
         daemon may write: root without a container, systemd's `Delegate=yes`, a container whose `/sys/fs/cgroup` is \
         writable. Where that is not so a warning says why, and the program is treated as with `tree`.",
        "tree",
    );
pub(super) const ESSENTIAL: Directive =
    Directive::new("essential", Kind::Boolean, "shut down when it ends for good").default("false").doc(
        "Whether the daemon ends with the process: the same as `on_exit=shutdown` and `on_fatal=shutdown`, unless those \
         are set. A container then stops, with the status of its main program.",
        "true",
    );
pub(super) const ON_EXIT: Directive =
    Directive::new("on_exit", Kind::Ending, "what follows an exit that `autorestart` lets be").default("ignore").doc(
        "What follows when the process has exited and `autorestart` does not start it again. `restart` starts it after a \
         pause that grows from 10 seconds to 5 minutes. `shutdown` shuts the daemon down in order, and supervisord ends \
         with the status of the process: 128 and the signal's number if a signal ended it. A stop by a client is no exit.",
        "shutdown",
    );
pub(super) const ON_FATAL: Directive =
    Directive::new("on_fatal", Kind::Ending, "what follows FATAL").default("ignore").doc(
        "What follows when the process could not be started within `startretries`. `restart` tries again after a pause \
         that grows from 10 seconds to 5 minutes. `shutdown` shuts the daemon down in order, and supervisord ends with \
         the status of the last try, or 1 where that is 0 or unknown.",
        "restart",
    );
pub(super) const USER: Directive =
    Directive::new("user", Kind::User, "user that runs it; default: supervisord's").commented("chrism").doc(
        "The account under which it is run, with the groups of that account; the daemon must be root to change it. The \
         environment is kept: set HOME and USER yourself. A number that no account has is taken with group 0.",
        "www-data",
    );
pub(super) const REDIRECT_STDERR: Directive =
    Directive::new("redirect_stderr", Kind::Boolean, "put stderr into the log of stdout")
        .default("false")
        .commented("true")
        .doc("Whether stderr goes where stdout goes, as `2>&1` in a shell.", "true");

macro_rules! output {
    ($channel:literal, $logfile:ident, $maxbytes:ident, $backups:ident, $capture:ident, $events:ident, $syslog:ident) => {
        pub(super) const $logfile: Directive =
            Directive::new(concat!($channel, "_logfile"), Kind::Log, concat!("log of ", $channel, ": a path, NONE or AUTO"))
                .default("AUTO")
                .commented("/a/path")
                .doc(
                    concat!(
                        "Where ", $channel, " is logged. `AUTO` is a file in `childlogdir` that is removed at the next \
                         start, `NONE` is nowhere. `/dev/stdout` passes it on; set its maxbytes to 0 then."
                    ),
                    "/var/log/%(program_name)s.log",
                );
        pub(super) const $maxbytes: Directive = Directive::new(
            concat!($channel, "_logfile_maxbytes"),
            Kind::ByteSize,
            concat!("size at which the log of ", $channel, " is rotated; 0 is never"),
        )
        .default("50MB")
        .commented("1MB")
        .doc("The size at which the log is rotated. 0 means never.", "10MB");
        pub(super) const $backups: Directive = Directive::new(
            concat!($channel, "_logfile_backups"),
            Kind::Integer,
            concat!("old logs of ", $channel, " that are kept; 0 is none"),
        )
        .default("10")
        .commented("10")
        .doc("How many rotated logs are kept, as `.1`, `.2` and so on. With 0 the log is emptied.", "3");
        pub(super) const $capture: Directive = Directive::new(
            concat!($channel, "_capture_maxbytes"),
            Kind::ByteSize,
            concat!("most bytes of a message in ", $channel, " for listeners; 0 is off"),
        )
        .default("0")
        .commented("1MB")
        .doc(
            "The size of the buffer for what stands between `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->`: it \
             becomes a PROCESS_COMMUNICATION event and stays out of the log. 0 leaves the output as it is.",
            "1MB",
        );
        pub(super) const $events: Directive = Directive::new(
            concat!($channel, "_events_enabled"),
            Kind::Boolean,
            concat!("make events of what it writes to ", $channel),
        )
        .default("false")
        .commented("false")
        .doc("Whether output becomes PROCESS_LOG events.", "true");
        pub(super) const $syslog: Directive =
            Directive::new(concat!($channel, "_syslog"), Kind::Boolean, concat!("also send ", $channel, " to syslog"))
                .default("false")
                .commented("false")
                .doc("Whether output also goes to syslog, with the name of the process before each line.", "true");
    };
}

output!("stdout", STDOUT_LOGFILE, STDOUT_MAXBYTES, STDOUT_BACKUPS, STDOUT_CAPTURE, STDOUT_EVENTS, STDOUT_SYSLOG);
output!("stderr", STDERR_LOGFILE, STDERR_MAXBYTES, STDERR_BACKUPS, STDERR_CAPTURE, STDERR_EVENTS, STDERR_SYSLOG);

pub(super) const ENVIRONMENT: Directive = Directive::new(
    "environment",
    Kind::Pairs,
    "variables that are added to its environment",
)
.default("")
.commented("A=\"1\",B=\"2\"")
.doc(
    "Variables for the process, over those of `[supervisord]` and the daemon's own. Quote values with commas or \
             blanks. Other options of the section may use them as `%(ENV_A)s`.",
    "HOME=\"/home/app\",PATH=\"/opt/bin:%(ENV_PATH)s\"",
);
pub(super) const SERVERURL: Directive =
    Directive::new("serverurl", Kind::Url, "SUPERVISOR_SERVER_URL of the process; AUTO is supervisord's own")
        .commented("AUTO")
        .doc(
            "The address of the daemon as the process is told it. `AUTO` takes a socket of this daemon.",
            "http://127.0.0.1:9001",
        );
