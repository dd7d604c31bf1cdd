//! Logs: read, tailed and cleared. The engine says which file; whoever may wait for a disk reads it.

use std::path::PathBuf;

use config::DaemonLog;
use model::{Channel, Fault, FaultCode};

use super::args::Args;
use super::{Method, Outcome, Param};
use crate::action::{Action, Answer, LogRead};
use crate::calls::{Part, Question};
use crate::engine::Engine;
use crate::input::{CallId, ClearError, ProcessId, Ticket};

const NAME: Param = Param::new("string", "name", "The process, or group:name.");
const OFFSET: Param = Param::new("int", "offset", "Where to begin; negative counts from the end.");
const LENGTH: Param = Param::new("int", "length", "How many bytes; 0 is all that follow.");
const READ: (&str, &str) = ("string", "The text.");
const TAILED: (&str, &str) = ("array", "The text, the offset of its end, and whether something was left out.");
const TRUE: (&str, &str) = ("boolean", "True.");

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "supervisor.readLog",
        does: "Read a piece of the daemon's log.",
        params: &[OFFSET, LENGTH],
        gives: READ,
        always: false,
        run: read_log,
    },
    Method {
        name: "supervisor.readMainLog",
        does: "Read a piece of the daemon's log: the old name of readLog.",
        params: &[OFFSET, LENGTH],
        gives: READ,
        always: false,
        run: read_log,
    },
    Method {
        name: "supervisor.clearLog",
        does: "Empty the daemon's log.",
        params: &[],
        gives: TRUE,
        always: false,
        run: clear_log,
    },
    Method {
        name: "supervisor.readProcessStdoutLog",
        does: "Read a piece of a process' stdout log.",
        params: &[NAME, OFFSET, LENGTH],
        gives: READ,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stdout, false),
    },
    Method {
        name: "supervisor.readProcessLog",
        does: "Read a piece of a process' stdout log: the old name of readProcessStdoutLog.",
        params: &[NAME, OFFSET, LENGTH],
        gives: READ,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stdout, false),
    },
    Method {
        name: "supervisor.readProcessStderrLog",
        does: "Read a piece of a process' stderr log.",
        params: &[NAME, OFFSET, LENGTH],
        gives: READ,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stderr, false),
    },
    Method {
        name: "supervisor.tailProcessStdoutLog",
        does: "Follow a process' stdout log: at most length bytes up to its end, and where that is.",
        params: &[NAME, OFFSET, LENGTH],
        gives: TAILED,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stdout, true),
    },
    Method {
        name: "supervisor.tailProcessLog",
        does: "Follow a process' stdout log: the old name of tailProcessStdoutLog.",
        params: &[NAME, OFFSET, LENGTH],
        gives: TAILED,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stdout, true),
    },
    Method {
        name: "supervisor.tailProcessStderrLog",
        does: "Follow a process' stderr log: at most length bytes up to its end, and where that is.",
        params: &[NAME, OFFSET, LENGTH],
        gives: TAILED,
        always: false,
        run: |engine, _, args| read(engine, args, Channel::Stderr, true),
    },
    Method {
        name: "supervisor.clearProcessLogs",
        does: "Empty the logs of a process.",
        params: &[NAME],
        gives: TRUE,
        always: false,
        run: clear_process_logs,
    },
    Method {
        name: "supervisor.clearProcessLog",
        does: "Empty the logs of a process: the old name of clearProcessLogs.",
        params: &[NAME],
        gives: TRUE,
        always: false,
        run: clear_process_logs,
    },
    Method {
        name: "supervisor.clearAllProcessLogs",
        does: "Empty the logs of all processes.",
        params: &[],
        gives: ("array", "A struct with the result of each process."),
        always: false,
        run: clear_all_process_logs,
    },
];

fn read_log(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    let (offset, length) = (args.int(0)?, args.int(1)?);
    Ok(Some(Answer::Read(LogRead { path: main_log(engine), offset, length, tail: false })))
}

fn main_log(engine: &Engine) -> Option<PathBuf> {
    match &engine.base.daemon.logfile {
        DaemonLog::File(path) => Some(path.clone()),
        DaemonLog::Syslog | DaemonLog::None => None,
    }
}

fn read(engine: &mut Engine, args: Args<'_>, channel: Channel, tail: bool) -> Outcome {
    let process = engine.process_named(args.text(0)?)?;
    let (offset, length) = (args.int(1)?, args.int(2)?);
    let path = process.logs[usize::from(channel == Channel::Stderr)].clone();
    Ok(Some(Answer::Read(LogRead { path, offset, length, tail })))
}

fn clear_log(engine: &mut Engine, call: CallId, _: Args<'_>) -> Outcome {
    if main_log(engine).is_none() {
        return Err(Fault::bare(FaultCode::NoFile));
    }
    let ticket = engine.ask(Question::ClearMain { call });
    engine.act(Action::ClearMainLog { ticket });
    Ok(None)
}

fn clear_process_logs(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let name = args.text(0)?;
    let id = engine.process_named(name)?.id;
    engine.clear(Part { call, place: None }, id, name.to_owned());
    Ok(None)
}

fn clear_all_process_logs(engine: &mut Engine, call: CallId, _: Args<'_>) -> Outcome {
    let processes = engine.groups.all_by_priority();
    engine.open_parts(call, &processes);
    for (place, id) in processes.into_iter().enumerate() {
        let name = engine.processes.get(&id).map(|process| process.namespec()).unwrap_or_default();
        engine.clear(Part { call, place: Some(place) }, id, name);
    }
    Ok(None)
}

impl Engine {
    fn clear(&mut self, part: Part, process: ProcessId, name: String) {
        let ticket = self.ask(Question::Clear { part, name });
        self.act(Action::ClearLogs { ticket, process });
    }

    /// Answer to `Action::ClearLogs` and `Action::ClearMainLog`.
    pub(crate) fn logs_cleared(&mut self, ticket: Ticket, result: Result<(), ClearError>) {
        match self.answered(ticket) {
            Some(Question::Clear { part, name }) => {
                let result = match result {
                    // A process without a log has nothing to clear.
                    Ok(()) | Err(ClearError::NoFile) => Ok(()),
                    Err(ClearError::Failed) => Err(Fault::about(FaultCode::Failed, name)),
                };
                self.part_done(part, true, result);
            }
            Some(Question::ClearMain { call }) => {
                let result = result.map_err(|error| match error {
                    ClearError::NoFile => Fault::bare(FaultCode::NoFile),
                    ClearError::Failed => Fault::bare(FaultCode::Failed),
                });
                self.reply_result(call, result);
            }
            _ => {}
        }
    }
}
