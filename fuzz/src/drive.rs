//! An engine made of a handover that may say anything, driven on with inputs that may come in any order.
//!
//! What a daemon writes is trusted to be its own, but not to be whole: a bug of an older one, a disk, or a hand that edits
//! the file must lead to an error or to a supervisor that goes on, never to one that dies at every start.

use std::sync::Arc;

use config::Config;
use engine::{
    Action, CallId, DaemonSignal, Engine, Handover, Input, Local, LocalTime, ProcessId, Request, SpawnError, Ticket,
};
use model::{Channel, ExitStatus, Moment, Signal, Value, WallTime};

/// The machine.
pub const LOCAL: Local = Local { pid: 1, time: |_| LocalTime { month: 1, day: 1, hour: 0, minute: 0 } };

const METHODS: [&str; 9] = [
    "getAllProcessInfo",
    "startAllProcesses",
    "stopAllProcesses",
    "reloadConfig",
    "startProcessGroup",
    "stopProcessGroup",
    "removeProcessGroup",
    "addProcessGroup",
    "sendProcessStdin",
];

/// A configuration with these groups.
pub fn config(groups: Vec<Arc<config::GroupConfig>>) -> Arc<Config> {
    Arc::new(Config { groups, ..Config::default() })
}

/// Restores a handover; what is restored can be saved, written, read and restored again, and is then the same.
pub fn restored(handover: Handover, steps: &[u8]) {
    let processes: Vec<ProcessId> =
        handover.groups.iter().flat_map(|group| &group.processes).map(|process| process.id).collect();
    let names: Vec<String> = handover.groups.iter().map(|group| group.config.name.clone()).collect();
    let configured = config(handover.groups.iter().map(|group| Arc::clone(&group.config)).collect());
    let mut engine = match Engine::restore(handover, Arc::clone(&configured), LOCAL) {
        Ok(engine) => engine,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = serde_json::to_string(&engine.save()).expect("a handover can be written");
    let again: Handover = serde_json::from_str(&written).expect("a written handover can be read");
    let again = Engine::restore(again, configured, LOCAL).expect("a saved engine can be restored");
    assert_eq!(serde_json::to_string(&again.save()).expect("written"), written);
    drive(&mut engine, steps, &processes, &names);
}

/// Feeds one input for each two bytes, then ends the daemon.
fn drive(engine: &mut Engine, steps: &[u8], processes: &[ProcessId], names: &[String]) {
    let mut world = World { now: 1, calls: 0, replies: Vec::new() };
    world.tell(engine, Input::Started);
    for step in steps.chunks_exact(2) {
        let process = processes.get(usize::from(step[1]) % processes.len().max(1)).copied().unwrap_or(ProcessId(0));
        let name = names.get(usize::from(step[1]) % names.len().max(1)).map_or("x", String::as_str);
        world.step(engine, step[0], process, name);
    }
    world.tell(engine, Input::Signalled(DaemonSignal::Exit(Signal::TERM)));
    for process in processes {
        world.tell(engine, Input::Reaped { process: *process, status: ExitStatus::Exited(0) });
        world.tell(engine, Input::Drained { process: *process });
    }
    world.replies.sort_unstable();
    let replies = world.replies.len();
    world.replies.dedup();
    assert_eq!(world.replies.len(), replies, "a call got two replies");
    let written = serde_json::to_string(&engine.save()).expect("a handover can be written");
    serde_json::from_str::<Handover>(&written).expect("a written handover can be read");
}

struct World {
    now: u64,
    calls: u64,
    replies: Vec<CallId>,
}

impl World {
    fn step(&mut self, engine: &mut Engine, what: u8, process: ProcessId, name: &str) {
        let input = match what {
            0..=39 => {
                self.now = engine.due().map_or(self.now, |due| due.0.max(self.now));
                Input::Due
            }
            40..=59 => Input::Spawned { process, pid: u32::from(what) + 2 },
            60..=79 => Input::Reaped { process, status: ExitStatus::Exited(what % 3) },
            80..=99 => Input::Drained { process },
            100..=109 => Input::SpawnFailed { process, error: SpawnError::Other("too many open files".into()) },
            110..=119 => Input::ListenerSaid { process, data: b"READY\n".to_vec() },
            120..=129 => Input::ListenerSaid { process, data: b"RESULT 2\nOKREADY\n".to_vec() },
            130..=134 => Input::ListenerSaid { process, data: b"RESULT 4\nFAIL".to_vec() },
            135..=139 => Input::StdinClosed { process },
            140..=144 => Input::SignalFailed { process, error: "EPERM".into() },
            145..=149 => Input::Output { process, channel: Channel::Stdout, data: b"text".to_vec() },
            150..=154 => Input::HungUp { call: CallId(u64::from(what - 150)) },
            155..=159 => Input::StdinTaken { call: CallId(u64::from(what - 155)), taken: what == 155 },
            160..=169 => Input::GroupPrepared { ticket: Ticket(u64::from(what - 160)), logs: Vec::new() },
            170..=179 => Input::CommandChecked { ticket: Ticket(u64::from(what - 170)), result: Ok(()) },
            _ => {
                self.calls += 1;
                let method = METHODS[usize::from(what) % METHODS.len()];
                let params = match method {
                    "getAllProcessInfo" | "startAllProcesses" | "stopAllProcesses" | "reloadConfig" => vec![],
                    "sendProcessStdin" => vec![Value::str(name.to_owned()), "hello".into()],
                    _ => vec![Value::str(name.to_owned())],
                };
                let request = Request::Method { name: format!("supervisor.{method}"), params };
                // Far from the calls that the handover brings.
                Input::Called { call: CallId(1 << 40 | self.calls), request }
            }
        };
        self.tell(engine, input);
    }

    fn tell(&mut self, engine: &mut Engine, input: Input) {
        let mut actions = Vec::new();
        engine.handle(Moment(self.now), WallTime(1_700_000_000_000_000_000), input, &mut actions);
        self.replies.extend(actions.iter().filter_map(|action| match action {
            Action::Reply { call, .. } => Some(*call),
            _ => None,
        }));
    }
}
