//! Words to programs: to their stdin, and to listeners as an event.

use model::{EventType, Fault, FaultCode, Value};

use super::args::Args;
use super::start_stop::yes;
use super::{Method, Outcome, Param};
use crate::action::Action;
use crate::engine::Engine;
use crate::input::CallId;
use crate::process::State;

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "supervisor.sendProcessStdin",
        does: "Write to the stdin of a process, as UTF-8. NOT_RUNNING if it does not run, NO_FILE if its stdin is \
               closed.",
        params: &[
            Param::new("string", "name", "The process, or group:name."),
            Param::new("string", "chars", "What to write."),
        ],
        gives: ("boolean", "True."),
        always: false,
        run: send_process_stdin,
    },
    Method {
        name: "supervisor.sendRemoteCommEvent",
        does: "Send an event to the listeners that have subscribed to REMOTE_COMMUNICATION.",
        params: &[
            Param::new("string", "type", "What the event's header says behind type:."),
            Param::new("string", "data", "The rest of the event's body."),
        ],
        gives: ("boolean", "True."),
        always: true,
        run: send_remote_comm_event,
    },
];

fn send_process_stdin(engine: &mut Engine, call: CallId, args: Args<'_>) -> Outcome {
    let chars = match args.value(1) {
        Some(Value::Str(text)) => text.as_bytes(),
        Some(Value::Bytes(bytes)) => bytes,
        _ => {
            let given = args.written(1)?;
            return Err(Fault::about(FaultCode::IncorrectParameters, given));
        }
    };
    let name = args.text(0)?;
    let process = engine.process_named(name)?;
    let (id, stops) = (process.id, matches!(process.state, State::Stopping { .. }));
    if stops || process.pid() == 0 {
        return Err(Fault::about(FaultCode::NotRunning, name));
    }
    // The stdin of a FastCGI program is its socket; that of one that has just died is closed.
    let shared = engine.groups.get(&process.group).is_some_and(|group| group.socket().is_some());
    let has_pipe = !shared && process.config.socket.is_none();
    if !has_pipe || process.live_pid().is_none() {
        return Err(Fault::about(FaultCode::NoFile, name));
    }
    engine.wait_for_stdin(call, name.to_owned());
    engine.act(Action::WriteStdin { process: id, data: chars.to_vec(), call: Some(call) });
    Ok(None)
}

fn send_remote_comm_event(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    let (kind, data) = (args.written(0)?, args.written(1)?);
    engine.raise(EventType::RemoteCommunication, || format!("type:{kind}\n{data}"));
    yes()
}
