//! What processes are, and signals to them.

use model::{Fault, FaultCode, Namespec, Signal};

use super::args::Args;
use super::{Method, Outcome, Param};
use crate::action::Answer;
use crate::calls::Part;
use crate::engine::Engine;
use crate::info::LISTING;
use crate::input::{CallId, ProcessId};
use crate::process::Process;

const SIGNAL: Param = Param::new("string", "signal", "The signal, by name (HUP, SIGHUP) or number (1).");

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "supervisor.getProcessInfo",
        does: "Tell all about one process.",
        params: &[Param::new("string", "name", "The process, or group:name.")],
        gives: ("struct", "Its name, group, state, times, logs and description."),
        always: false,
        run: process_info,
    },
    Method {
        name: LISTING,
        does: "Tell all about all processes, in lexical order of group and name.",
        params: &[],
        gives: ("array", "A struct for each, as of getProcessInfo."),
        always: false,
        run: all_process_info,
    },
    Method {
        name: "supervisor.signalProcess",
        does: "Send a signal to a process.",
        params: &[Param::new("string", "name", "The process, group:name, or group:* for all of a group."), SIGNAL],
        gives: ("boolean", "True; for a group, an array as of signalProcessGroup."),
        always: false,
        run: signal_process,
    },
    Method {
        name: "supervisor.signalProcessGroup",
        does: "Send a signal to all processes of a group that run.",
        params: &[Param::new("string", "name", "The group."), SIGNAL],
        gives: ("array", "A struct with the result of each process."),
        always: false,
        run: signal_process_group,
    },
    Method {
        name: "supervisor.signalAllProcesses",
        does: "Send a signal to all processes that run.",
        params: &[SIGNAL],
        gives: ("array", "A struct with the result of each process."),
        always: false,
        run: signal_all_processes,
    },
];

/// What a name means.
pub(super) enum Target {
    /// One process.
    One(ProcessId),
    /// All of a group, by priority.
    Group(Vec<ProcessId>),
}

impl Engine {
    /// What a client's name means.
    ///
    /// # Errors
    /// BAD_NAME with the name as given.
    pub(super) fn target(&self, name: &str) -> Result<Target, Fault> {
        let bad = || Fault::about(FaultCode::BadName, name);
        let spec = Namespec::parse(name);
        let group = self.groups.get(spec.group).ok_or_else(bad)?;
        match spec.process {
            Some(process) => group.names.get(process).map(|&id| Target::One(id)).ok_or_else(bad),
            None => Ok(Target::Group(group.by_priority.clone())),
        }
    }

    /// The process of this name.
    ///
    /// # Errors
    /// BAD_NAME, also for a whole group.
    pub(super) fn process_named(&self, name: &str) -> Result<&Process, Fault> {
        let found = match self.target(name)? {
            Target::One(id) => self.processes.get(&id),
            Target::Group(_) => None,
        };
        found.ok_or_else(|| Fault::about(FaultCode::BadName, name))
    }

    /// The processes of the group of this name, by priority.
    ///
    /// # Errors
    /// BAD_NAME.
    pub(super) fn group_named(&self, name: &str) -> Result<Vec<ProcessId>, Fault> {
        let group = self.groups.get(name).ok_or_else(|| Fault::about(FaultCode::BadName, name))?;
        Ok(group.by_priority.clone())
    }

    /// Send a signal to those that can get one; the result of each.
    fn signal_many(&mut self, call: CallId, mut processes: Vec<ProcessId>, args: Args<'_>, index: usize) -> Outcome {
        let signal = signal(args, index);
        processes.retain(|id| self.processes.get(id).is_some_and(|process| process.word().is_signallable()));
        self.open_parts(call, &processes);
        for (place, id) in processes.into_iter().enumerate() {
            if let Ok(signal) = signal {
                self.signal(id, signal);
            }
            self.part_done(Part { call, place: Some(place) }, true, signal.clone().map(|_| ()));
        }
        Ok(None)
    }
}

/// The signal that a parameter names.
fn signal(args: Args<'_>, index: usize) -> Result<Signal, Fault> {
    let text = args.word(index)?;
    Signal::parse(&text).ok_or_else(|| Fault::about(FaultCode::BadSignal, text))
}

fn process_info(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    let process = engine.process_named(args.text(0)?)?;
    Ok(Some(Answer::Value(engine.process_info(process))))
}

fn all_process_info(engine: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    Ok(Some(engine.listing()))
}

fn signal_process(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let name = args.text(0)?;
    let id = match engine.target(name)? {
        Target::One(id) => id,
        Target::Group(processes) => return engine.signal_many(call, processes, args, 1),
    };
    let signal = signal(args, 1)?;
    if !engine.process_named(name)?.word().is_signallable() {
        return Err(Fault::about(FaultCode::NotRunning, name));
    }
    engine.signal(id, signal);
    Ok(Some(Answer::Value(true.into())))
}

fn signal_process_group(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let processes = engine.group_named(&args.written(0)?)?;
    engine.signal_many(call, processes, args, 1)
}

fn signal_all_processes(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let processes = engine.groups.all_by_priority();
    engine.signal_many(call, processes, args, 0)
}
