//! Starting and stopping: one process, a group, or all. The calls wait, unless they are told not to.

use model::{Fault, FaultCode, Level, ProcessState, SupervisorState};

use super::args::Args;
use super::processes::Target;
use super::{Method, Outcome, Param};
use crate::action::{Action, Answer};
use crate::calls::{Part, Question, Waiter, Wanted};
use crate::engine::Engine;
use crate::input::{CallId, CommandError, ProcessId, Ticket};

const NAME: Param = Param::new("string", "name", "The process, group:name, or group:* for all of a group.");
const GROUP: Param = Param::new("string", "name", "The group.");
const WAIT_UP: Param =
    Param::new("boolean", "wait", "Answer when it is fully started; the default is true.").optional();
const WAIT_DOWN: Param = Param::new("boolean", "wait", "Answer when it has stopped; the default is true.").optional();
const RESULTS: (&str, &str) = ("array", "A struct with the result of each process.");

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "supervisor.startProcess",
        does: "Start a process.",
        params: &[NAME, WAIT_UP],
        gives: ("boolean", "True; for a group, an array as of startProcessGroup."),
        always: false,
        run: start_process,
    },
    Method {
        name: "supervisor.startProcessGroup",
        does: "Start all processes of a group.",
        params: &[GROUP, WAIT_UP],
        gives: RESULTS,
        always: false,
        run: |engine, call, args| {
            let processes = engine.group_named(&args.written(0)?)?;
            engine.start_many(call, processes, args.truth(1, true))
        },
    },
    Method {
        name: "supervisor.startAllProcesses",
        does: "Start all processes, in order of priority.",
        params: &[WAIT_UP],
        gives: RESULTS,
        always: false,
        run: |engine, call, args| {
            let processes = engine.groups.all_by_priority();
            engine.start_many(call, processes, args.truth(0, true))
        },
    },
    Method {
        name: "supervisor.stopProcess",
        does: "Stop a process.",
        params: &[NAME, WAIT_DOWN],
        gives: ("boolean", "True; for a group, an array as of stopProcessGroup."),
        always: false,
        run: stop_process,
    },
    Method {
        name: "supervisor.stopProcessGroup",
        does: "Stop all processes of a group.",
        params: &[GROUP, WAIT_DOWN],
        gives: RESULTS,
        always: false,
        run: |engine, call, args| {
            let processes = engine.group_named(&args.written(0)?)?;
            engine.stop_many(call, processes, args.truth(1, true))
        },
    },
    Method {
        name: "supervisor.stopAllProcesses",
        does: "Stop all processes.",
        params: &[WAIT_DOWN],
        gives: RESULTS,
        always: false,
        run: |engine, call, args| {
            let processes = engine.groups.all_by_priority();
            engine.stop_many(call, processes, args.truth(0, true))
        },
    },
];

fn start_process(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let (name, wait) = (args.text(0)?, args.truth(1, true));
    match engine.target(name)? {
        Target::One(id) => engine.check_and_start(Part { call, place: None }, id, name.to_owned(), wait),
        Target::Group(processes) => return engine.start_many(call, processes, wait),
    }
    Ok(None)
}

fn stop_process(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let (name, wait) = (args.text(0)?, args.truth(1, true));
    let id = match engine.target(name)? {
        Target::One(id) => id,
        Target::Group(processes) => return engine.stop_many(call, processes, wait),
    };
    let was_running = engine.process_named(name)?.word().is_running();
    // What has exited and is about to be started again is not running, but the client wants it to stay so.
    engine.stop(id);
    if !was_running {
        return Err(Fault::about(FaultCode::NotRunning, name));
    }
    engine.await_stop(Part { call, place: None }, id, name.to_owned(), wait);
    Ok(None)
}

impl Engine {
    fn start_many(&mut self, call: CallId, mut processes: Vec<ProcessId>, wait: bool) -> Outcome {
        processes.retain(|id| self.processes.get(id).is_some_and(|process| !process.word().is_running()));
        self.open_parts(call, &processes);
        for (place, id) in processes.into_iter().enumerate() {
            let name = self.processes.get(&id).map(|process| process.namespec()).unwrap_or_default();
            self.check_and_start(Part { call, place: Some(place) }, id, name, wait);
        }
        Ok(None)
    }

    /// A command that cannot be run is told before the state is looked at: the process stays as it is.
    fn check_and_start(&mut self, part: Part, id: ProcessId, name: String, wait: bool) {
        let Some(config) = self.processes.get(&id).map(|process| process.config.clone()) else { return };
        let ticket = self.ask(Question::Check { part, process: id, name, wait });
        self.act(Action::CheckCommand { ticket, config });
    }

    /// Answer to `Action::CheckCommand`.
    pub(crate) fn command_checked(&mut self, ticket: Ticket, result: Result<(), CommandError>) {
        let Some(Question::Check { part, process, name, wait }) = self.answered(ticket) else { return };
        match self.start_checked(process, &name, wait, result) {
            Ok(true) => self.wait_for(process, Waiter { part, name, wanted: Wanted::Start { wait } }),
            Ok(false) => self.part_done(part, true, Ok(())),
            Err(fault) => self.part_done(part, true, Err(fault)),
        }
    }

    /// Start it, unless something stands against it. True if the call is to wait for it.
    fn start_checked(
        &mut self,
        id: ProcessId,
        name: &str,
        wait: bool,
        result: Result<(), CommandError>,
    ) -> Result<bool, Fault> {
        if self.mood != SupervisorState::Running {
            return Err(Fault::bare(FaultCode::ShutdownState));
        }
        let Some(process) = self.processes.get(&id) else { return Err(Fault::about(FaultCode::BadName, name)) };
        match result {
            Ok(()) => {}
            Err(CommandError::NotFound(text)) => return Err(Fault::about(FaultCode::NoFile, text)),
            Err(error) => return Err(Fault::about(FaultCode::NotExecutable, error.text())),
        }
        match process.word() {
            ProcessState::Running | ProcessState::Backoff | ProcessState::Starting => {
                Err(Fault::about(FaultCode::AlreadyStarted, name))
            }
            ProcessState::Unknown => {
                Err(Fault::about(FaultCode::Failed, format!("{name} is in an unknown process state")))
            }
            ProcessState::Stopping => {
                let text = format!("process '{}' already running", process.config.name);
                self.log(Level::Warn, text);
                // Who does not wait is told that all is well, as by the reference.
                if wait { Err(Fault::about(FaultCode::AbnormalTermination, name)) } else { Ok(false) }
            }
            ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal => {
                self.start(id);
                Ok(true)
            }
        }
    }

    fn stop_many(&mut self, call: CallId, mut processes: Vec<ProcessId>, wait: bool) -> Outcome {
        let all = processes.clone();
        processes.retain(|id| self.processes.get(id).is_some_and(|process| process.word().is_running()));
        self.open_parts(call, &processes);
        for id in all {
            self.stop(id);
        }
        for (place, id) in processes.into_iter().enumerate() {
            let name = self.processes.get(&id).map(|process| process.namespec()).unwrap_or_default();
            self.await_stop(Part { call, place: Some(place) }, id, name, wait);
        }
        Ok(None)
    }

    /// Answer when a process that was told to stop has stopped; at once if it has, or if the client does not wait.
    fn await_stop(&mut self, part: Part, id: ProcessId, name: String, wait: bool) {
        let stopped = self.processes.get(&id).is_none_or(|process| process.word().is_stopped());
        if stopped || !wait {
            return self.part_done(part, true, Ok(()));
        }
        self.wait_for(id, Waiter { part, name, wanted: Wanted::Stop });
        self.report_stop(id);
    }
}

/// An answer of `true`.
pub(super) fn yes() -> Outcome {
    Ok(Some(Answer::Value(true.into())))
}
