//! A world for one engine: it does what it is told at once, unless a test holds something back, and time jumps from
//! deadline to deadline.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use engine::{
    Action, Answer, CallId, CommandError, DaemonSignal, Engine, Input, Local, LocalTime, ProcessId, Request, SpawnError,
};
use model::{ExitStatus, Fault, Level, Moment, Signal, SupervisorState, Value, WallTime};

/// What a world keeps to itself until the test lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    Spawn,
    Drain,
    Check,
    Prepare,
}

pub struct World {
    pub engine: Engine,
    pub now: Moment,
    /// What the wall clock shows before the time that has passed.
    pub wall: i64,
    pub log: Vec<String>,
    /// The living children by the name of their process.
    pub children: BTreeMap<String, u32>,
    pub spawned: Vec<String>,
    pub signals: Vec<String>,
    /// Programs that ignore all signals but SIGKILL.
    pub stubborn: BTreeSet<String>,
    /// Programs whose command is not there.
    pub missing: BTreeSet<String>,
    /// Programs that cannot be spawned, and why.
    pub unspawnable: BTreeMap<String, String>,
    /// Listeners that answer by themselves with OK; of the others the test is the voice.
    pub ears: BTreeSet<String>,
    /// What listeners were sent: the listener, the header and the body.
    pub heard: Vec<(String, String, String)>,
    pub stdin: Vec<(String, Vec<u8>)>,
    /// Programs whose stdin is closed.
    pub closed: BTreeSet<String>,
    pub hold: BTreeSet<Hold>,
    pub held: Vec<Input>,
    pub replies: BTreeMap<CallId, Result<Value, Fault>>,
    pub reads: Vec<engine::LogRead>,
    pub forgotten: Vec<String>,
    pub printed: Vec<u8>,
    pub finished: Option<SupervisorState>,
    /// Upgrades that were asked for, by a call or a signal.
    pub upgrades: Vec<Option<CallId>>,
    /// What the next reading of the configuration gives.
    pub next_config: Result<Arc<Config>, String>,
    names: BTreeMap<ProcessId, String>,
    next_pid: u32,
    next_call: u64,
}

const LOCAL: Local = Local { pid: 4711, time: |_| LocalTime { month: 11, day: 23, hour: 2, minute: 40 } };

impl World {
    /// A world whose daemon has not started.
    pub fn asleep(config: Arc<Config>) -> Self {
        Self {
            engine: Engine::new(Arc::clone(&config), LOCAL),
            now: Moment(1_000_000_000_000),
            wall: 1_700_000_001,
            log: Vec::new(),
            children: BTreeMap::new(),
            spawned: Vec::new(),
            signals: Vec::new(),
            stubborn: BTreeSet::new(),
            missing: BTreeSet::new(),
            unspawnable: BTreeMap::new(),
            ears: BTreeSet::new(),
            heard: Vec::new(),
            stdin: Vec::new(),
            closed: BTreeSet::new(),
            hold: BTreeSet::new(),
            held: Vec::new(),
            replies: BTreeMap::new(),
            reads: Vec::new(),
            forgotten: Vec::new(),
            printed: Vec::new(),
            finished: None,
            upgrades: Vec::new(),
            next_config: Ok(config),
            names: BTreeMap::new(),
            next_pid: 100,
            next_call: 1,
        }
    }

    /// A world whose daemon has started.
    pub fn new(config: Arc<Config>) -> Self {
        let mut world = Self::asleep(config);
        world.input(Input::Started);
        world
    }

    /// The same state in another engine.
    pub fn hand_over(&mut self, config: Arc<Config>) {
        let text = serde_json::to_string(&self.engine.save()).unwrap();
        self.engine = Engine::restore(serde_json::from_str(&text).unwrap(), config, LOCAL).unwrap();
    }

    /// The engine's state, as text, goes to a successor in the same process.
    pub fn upgrade(&mut self) {
        let text = serde_json::to_string(&self.engine.save()).unwrap();
        let (base, read) = self.engine.configurations();
        self.engine = Engine::take_up(serde_json::from_str(&text).unwrap(), base, read, LOCAL).unwrap();
        let calls = std::mem::take(&mut self.upgrades).into_iter().flatten().collect();
        self.input(Input::Upgraded { calls, from: "1".into(), to: "2".into() });
    }

    fn wall(&self) -> WallTime {
        WallTime(self.wall * 1_000_000_000 + i64::try_from(self.now.0 - 1_000_000_000_000).unwrap())
    }

    /// Tell the engine, and do all that follows at this moment.
    pub fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut actions = Vec::new();
            self.engine.handle(self.now, self.wall(), input, &mut actions);
            for action in actions {
                self.act(action, &mut inputs);
            }
        }
    }

    /// Let go of what was held back.
    pub fn release(&mut self, hold: Hold) {
        self.hold.remove(&hold);
        let kind = |input: &Input| match input {
            Input::Spawned { .. } | Input::SpawnFailed { .. } => Some(Hold::Spawn),
            Input::Drained { .. } => Some(Hold::Drain),
            Input::CommandChecked { .. } => Some(Hold::Check),
            Input::GroupPrepared { .. } => Some(Hold::Prepare),
            _ => None,
        };
        let (now, later) = std::mem::take(&mut self.held).into_iter().partition(|input| kind(input) == Some(hold));
        self.held = later;
        let now: Vec<Input> = now;
        for input in now {
            self.input(input);
        }
    }

    fn answer(&mut self, hold: Hold, input: Input, inputs: &mut VecDeque<Input>) {
        if self.hold.contains(&hold) {
            self.held.push(input);
        } else {
            inputs.push_back(input);
        }
    }

    fn name(&self, process: ProcessId) -> String {
        self.names.get(&process).cloned().unwrap_or_default()
    }

    fn act(&mut self, action: Action, inputs: &mut VecDeque<Input>) {
        match action {
            Action::PrepareGroup { ticket, .. } => {
                self.answer(Hold::Prepare, Input::GroupPrepared { ticket, logs: Vec::new() }, inputs);
            }
            Action::ForgetGroup { group, .. } => self.forgotten.push(group),
            Action::CheckCommand { ticket, config } => {
                let missing = self.missing.contains(&config.name);
                let error = || CommandError::NotFound(format!("can't find command '{}'", config.command));
                let result = if missing { Err(error()) } else { Ok(()) };
                self.answer(Hold::Check, Input::CommandChecked { ticket, result }, inputs);
            }
            Action::Spawn(order) => self.spawn(order.process, &order.config.name, inputs),
            Action::Signal { process, signal, to_group, .. } => self.signal(process, signal, to_group, inputs),
            Action::Drain { process } => self.answer(Hold::Drain, Input::Drained { process }, inputs),
            Action::WriteStdin { process, data, call } => self.write(process, data, call, inputs),
            Action::Reply { call, answer } => self.reply(call, answer),
            Action::Log { level, text } => self.log.push(format!("{} {text}", level.tag())),
            Action::Print { data } => self.printed.extend(data),
            Action::ReadConfig { ticket } => {
                inputs.push_back(Input::ConfigRead { ticket, result: self.next_config.clone() });
            }
            Action::ClearLogs { ticket, .. } | Action::ClearMainLog { ticket } => {
                inputs.push_back(Input::LogsCleared { ticket, result: Ok(()) });
            }
            Action::Upgrade { call } => self.upgrades.push(call),
            Action::ReopenLogs => self.log.push("reopened".into()),
            Action::Finish { mood } => {
                assert!(self.finished.is_none() && self.children.is_empty(), "{:?}", self.children);
                self.finished = Some(mood);
            }
        }
    }

    fn spawn(&mut self, process: ProcessId, name: &str, inputs: &mut VecDeque<Input>) {
        self.names.insert(process, name.to_owned());
        self.spawned.push(name.to_owned());
        if let Some(why) = self.unspawnable.get(name) {
            let error = SpawnError::Other(why.clone());
            return self.answer(Hold::Spawn, Input::SpawnFailed { process, error }, inputs);
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let other = self.children.insert(name.to_owned(), pid);
        assert_eq!(other, None, "a second child of {name}");
        self.answer(Hold::Spawn, Input::Spawned { process, pid }, inputs);
        if self.ears.contains(name) {
            inputs.push_back(Input::ListenerSaid { process, data: b"READY\n".to_vec() });
        }
    }

    fn signal(&mut self, process: ProcessId, signal: Signal, to_group: bool, inputs: &mut VecDeque<Input>) {
        let name = self.name(process);
        let whom = if to_group { "group of " } else { "" };
        self.signals.push(format!("{} to {whom}{name}", signal.name()));
        let dies = signal == Signal::KILL || (!self.stubborn.contains(&name) && signal != Signal::HUP);
        if dies && self.children.remove(&name).is_some() {
            inputs.push_back(Input::Reaped { process, status: ExitStatus::Signaled { signal, core: false } });
        }
    }

    fn write(&mut self, process: ProcessId, data: Vec<u8>, call: Option<CallId>, inputs: &mut VecDeque<Input>) {
        let name = self.name(process);
        let open = !self.closed.contains(&name) && self.children.contains_key(&name);
        match call {
            Some(call) => {
                self.stdin.push((name, data));
                inputs.push_back(Input::StdinTaken { call, taken: open });
            }
            None if !open => inputs.push_back(Input::StdinClosed { process }),
            None => {
                let text = String::from_utf8(data).unwrap();
                let (header, body) = text.split_once('\n').unwrap();
                self.heard.push((name.clone(), header.to_owned(), body.to_owned()));
                if self.ears.contains(&name) {
                    inputs.push_back(Input::ListenerSaid { process, data: b"RESULT 2\nOKREADY\n".to_vec() });
                }
            }
        }
    }

    fn reply(&mut self, call: CallId, answer: Answer) {
        let result = match answer {
            Answer::Value(value) => Ok(value),
            Answer::Shared(value) => Ok(Arc::unwrap_or_clone(value)),
            Answer::Fault(fault) => Err(fault),
            Answer::Read(read) => {
                self.reads.push(read);
                Ok(Value::Nil)
            }
            Answer::Path(path) => Ok(path.to_string_lossy().into_owned().into()),
            Answer::Overview(_) => Ok(Value::Nil),
        };
        assert!(self.replies.insert(call, result).is_none(), "a second reply to {call:?}");
    }

    /// A child ends by itself.
    pub fn dies(&mut self, name: &str, status: u8) {
        self.ends(name, ExitStatus::Exited(status));
    }

    pub fn ends(&mut self, name: &str, status: ExitStatus) {
        assert!(self.children.remove(name).is_some(), "{name} has no child");
        let process = self.id(name);
        self.input(Input::Reaped { process, status });
    }

    pub fn id(&self, name: &str) -> ProcessId {
        *self.names.iter().find(|(_, known)| *known == name).unwrap().0
    }

    pub fn says(&mut self, listener: &str, text: &str) {
        let process = self.id(listener);
        self.input(Input::ListenerSaid { process, data: text.as_bytes().to_vec() });
    }

    /// Let time pass; deadlines are met at their moment.
    pub fn pass(&mut self, seconds: f64) {
        let end = self.now.after(Duration::from_secs_f64(seconds));
        while let Some(due) = self.engine.due().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.input(Input::Due);
        }
        self.now = end;
    }

    /// A call that may wait.
    pub fn call(&mut self, method: &str, params: &[Value]) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        let request = Request::Method { name: method.to_owned(), params: params.to_vec() };
        self.input(Input::Called { call, request });
        call
    }

    /// A call on `supervisor` that is answered at once.
    pub fn ask(&mut self, method: &str, params: &[Value]) -> Result<Value, String> {
        let call = self.call(&format!("supervisor.{method}"), params);
        self.replies.get(&call).expect("an answer at once").clone().map_err(|fault| fault.text)
    }

    /// True if a call has not been answered.
    pub fn waits(&self, call: CallId) -> bool {
        !self.replies.contains_key(&call)
    }

    /// The reply to a call.
    pub fn reply_of(&self, call: CallId) -> Result<Value, String> {
        self.replies.get(&call).expect("an answer").clone().map_err(|fault| fault.text)
    }

    /// A member of `getProcessInfo`.
    pub fn info(&mut self, name: &str, member: &str) -> Value {
        self.ask("getProcessInfo", &[Value::from(name.to_owned())]).unwrap().member(member).unwrap().clone()
    }

    pub fn state(&mut self, name: &str) -> String {
        self.info(name, "statename").as_str().unwrap().to_owned()
    }

    pub fn state_of_engine(&self) -> SupervisorState {
        self.engine.mood()
    }

    pub fn exit_signal(&mut self, signal: Signal) {
        self.input(Input::Signalled(DaemonSignal::Exit(signal)));
    }

    /// The events that `ear` heard of: names without PROCESS_STATE_, and bodies without the process id.
    pub fn events(&self, process: &str) -> Vec<String> {
        let about = format!("processname:{process} ");
        let of = |(_, header, body): &(String, String, String)| {
            let name = header.split_whitespace().find_map(|word| word.strip_prefix("eventname:")).unwrap();
            let rest = body.split_once("from_state:")?.1;
            body.starts_with(&about).then(|| format!("{} {rest}", name.trim_start_matches("PROCESS_STATE_")))
        };
        self.heard.iter().filter_map(of).collect()
    }

    /// The lines of the log from this level on that contain a text.
    pub fn logged(&self, text: &str) -> Vec<&str> {
        self.log.iter().map(String::as_str).filter(|line| line.contains(text)).collect()
    }
}

/// How grave a line of a test's log is.
pub fn critical(world: &World) -> Vec<&str> {
    world.logged(Level::Critical.tag())
}
