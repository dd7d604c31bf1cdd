//! The daemon itself: what it is, its end, its configuration, and the groups that come and go.

use std::sync::Arc;

use config::Config;
use model::{API_VERSION, Fault, FaultCode, SUPERVISOR_VERSION, SupervisorState, Value};

use super::args::Args;
use super::{Method, Outcome, Param};
use crate::action::{Action, Answer};
use crate::calls::Question;
use crate::engine::Engine;
use crate::input::{CallId, Ticket};

const GROUP: Param = Param::new("string", "name", "The group.");

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "supervisor.getAPIVersion",
        does: "Tell the version of this interface.",
        params: &[],
        gives: ("string", "The version."),
        always: false,
        run: api_version,
    },
    Method {
        name: "supervisor.getVersion",
        does: "Tell the version of this interface: the old name of getAPIVersion.",
        params: &[],
        gives: ("string", "The version."),
        always: false,
        run: api_version,
    },
    Method {
        name: "supervisor.getSupervisorVersion",
        does: "Tell the version of Supervisor whose behaviour this daemon has.",
        params: &[],
        gives: ("string", "The version."),
        always: false,
        run: |_, _, _| now(SUPERVISOR_VERSION.into()),
    },
    Method {
        name: "supervisor.getIdentification",
        does: "Tell the name that the configuration gives this daemon.",
        params: &[],
        gives: ("string", "The identifier."),
        always: false,
        run: |engine, _, _| now(engine.base.daemon.identifier.clone().into()),
    },
    Method {
        name: "supervisor.getState",
        does: "Tell the state of the daemon.",
        params: &[],
        gives: ("struct", "Its int statecode and string statename."),
        always: false,
        run: state,
    },
    Method {
        name: "supervisor.getPID",
        does: "Tell the process id of the daemon.",
        params: &[],
        gives: ("int", "The process id."),
        always: false,
        run: |engine, _, _| now(i64::from(engine.local.pid).into()),
    },
    Method {
        name: "supervisor.shutdown",
        does: "Stop all processes, then end the daemon.",
        params: &[],
        gives: ("boolean", "True: it has begun."),
        always: false,
        run: |engine, _, _| end(engine, SupervisorState::Shutdown),
    },
    Method {
        name: "supervisor.restart",
        does: "Stop all processes, read the configuration again and start anew.",
        params: &[],
        gives: ("boolean", "True: it has begun."),
        always: false,
        run: |engine, _, _| end(engine, SupervisorState::Restarting),
    },
    Method {
        name: "supervisor.upgrade",
        does: "Hand the running daemon over to the program that stands at its path now: same process id, nothing is \
               restarted. If that program does not accept the state, nothing changes and the fault says why. Not part of \
               Supervisor, and not in system.listMethods.",
        params: &[],
        gives: ("string", "What runs now, said by the successor."),
        always: false,
        run: |engine, call, _| engine.upgrade_for(Some(call)),
    },
    Method {
        name: "supervisor.reloadConfig",
        does: "Read the configuration again and tell how its groups differ from those that are active. Nothing is \
               started or stopped.",
        params: &[],
        gives: ("array", "One array of three: the names of the groups that were added, changed and removed."),
        always: false,
        run: reload_config,
    },
    Method {
        name: "supervisor.addProcessGroup",
        does: "Make a group of the configuration that was read last active, and start its processes.",
        params: &[GROUP],
        gives: ("boolean", "True."),
        always: false,
        run: add_process_group,
    },
    Method {
        name: "supervisor.removeProcessGroup",
        does: "Let go of a group whose processes are all stopped.",
        params: &[GROUP],
        gives: ("boolean", "True."),
        always: false,
        run: remove_process_group,
    },
];

fn now(value: Value) -> Outcome {
    Ok(Some(Answer::Value(value)))
}

fn api_version(_: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    now(API_VERSION.into())
}

fn state(engine: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    let mood = engine.mood;
    now(Value::Struct(vec![("statecode".into(), mood.code().into()), ("statename".into(), mood.name().into())]))
}

fn end(engine: &mut Engine, mood: SupervisorState) -> Outcome {
    engine.begin_shutdown(mood);
    now(true.into())
}

fn reload_config(engine: &mut Engine, call: CallId, _: Args<'_>) -> Outcome {
    let ticket = engine.ask(Question::Read { call });
    engine.act(Action::ReadConfig { ticket });
    Ok(None)
}

fn add_process_group(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let name = args.written(0)?;
    let found = engine.config.groups.iter().find(|group| group.name == name).cloned();
    let group = found.ok_or_else(|| Fault::about(FaultCode::BadName, name))?;
    if engine.is_added(&group.name) {
        return Err(Fault::about(FaultCode::AlreadyAdded, group.name.as_str()));
    }
    // Added again as it was removed, a group goes on in its AUTO logs: they belong to the configuration that was read.
    if let Some(logs) = engine.removed_logs.remove(&group.name) {
        engine.added_by_client(group, logs)?;
        return now(true.into());
    }
    engine.prepare(group, Some(call));
    Ok(None)
}

fn remove_process_group(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    engine.remove_group(&args.written(0)?)?;
    now(true.into())
}

impl Engine {
    /// The configuration was read again. Active groups keep what they have.
    pub(crate) fn config_read(&mut self, ticket: Ticket, result: Result<Arc<Config>, String>) {
        let Some(Question::Read { call }) = self.answered(ticket) else { return };
        let answer = match result {
            Ok(config) => {
                self.config = config;
                self.removed_logs.clear();
                Answer::Value(self.differences())
            }
            Err(text) => Answer::Fault(Fault::about(FaultCode::CantReread, text)),
        };
        self.reply(call, answer);
    }

    /// What was added, changed and removed since the active groups were; twice wrapped, as clients expect it.
    fn differences(&self) -> Value {
        let active: Vec<_> = self.groups.iter().map(|group| Arc::clone(&group.config)).collect();
        let config::Diff { added, changed, removed } = config::diff(&active, &self.config.groups);
        let names = |names: Vec<String>| Value::Array(names.into_iter().map(Value::from).collect());
        Value::Array(vec![Value::Array(vec![names(added), names(changed), names(removed)])])
    }
}
