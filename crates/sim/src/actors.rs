//! What programs, listeners, clients and the weather do, by chance.

use engine::{CallId, DaemonSignal, Input, ProcessId, Request};
use model::{Channel, ExitStatus, Value};

use crate::kernel::Child;
use crate::machine::{Call, Happening, MS, Machine};
use crate::rng::Rng;
use crate::sabotage::Sabotage;

/// What can be expected of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// It lives until it is stopped; as a listener it keeps to the protocol.
    Steady,
    /// It dies soon, with this status.
    Short(u8),
    /// It ignores all signals but SIGKILL.
    Stubborn,
    /// It takes its time to end.
    Slow,
    /// It writes without end; as a listener it lies.
    Wild,
    /// It forks, now and then; as a listener it closes its stdout: nothing is heard of it.
    Parent,
}

impl Temper {
    pub(crate) fn any(rng: &mut Rng) -> Self {
        match rng.below(12) {
            0..=3 => Self::Steady,
            4 => Self::Short(0),
            5 => Self::Short(1),
            6 => Self::Stubborn,
            7 => Self::Slow,
            8 | 9 => Self::Parent,
            _ => Self::Wild,
        }
    }
}

/// Names as clients write them, some of them wrong.
const NAMES: [&str; 14] = [
    "a",
    "b",
    "pair:left",
    "pair:right",
    "pair:*",
    "many:*",
    "many:m1",
    "ear:ear0",
    "ear:*",
    "eye:*",
    "nosuch",
    "a:",
    "left",
    "many",
];
const GROUPS: [&str; 7] = ["a", "b", "pair", "many", "ear", "eye", "nosuch"];

/// What a listener may say instead of the right thing.
const LIES: [&[u8]; 10] = [
    b"RESULT 2\nOK\n",
    b"RESULT 4\nFAIL",
    b"RESULT\n",
    b"hello",
    b"READY\nREADY\n",
    b"RESULT 0\n",
    b"RESULT 99999999999\n",
    b"RESULT 1048577\nOK",
    b"RESULT -2\nOK",
    &[b'x'; 4000],
];

impl Machine {
    /// A child does what is in its nature, and does it again later.
    pub(crate) fn child_acts(&mut self, pid: u32) {
        let Some(&Child { process, listener, temper, .. }) = self.children.get(&pid) else { return };
        match temper {
            Temper::Short(status) if !self.calm => {
                return self.later(1500, Happening::Dies(pid, ExitStatus::Exited(status)));
            }
            Temper::Wild if !listener && !self.calm => {
                self.tell(Input::Output { process, channel: Channel::Stdout, data: b"x".repeat(100) });
                return self.later(500, Happening::Acts(pid));
            }
            Temper::Parent if !self.calm => {
                self.fork_kin(pid);
                return self.later(3000, Happening::Acts(pid));
            }
            Temper::Steady | Temper::Short(_) | Temper::Stubborn | Temper::Slow | Temper::Wild | Temper::Parent => {}
        }
        if listener {
            let lies = temper == Temper::Wild && self.rng.one_in(2);
            let word = if lies { self.rng.pick(&LIES).copied().unwrap_or(b"READY\n") } else { b"READY\n" };
            self.say(pid, word);
        }
    }

    /// Say something, in one piece or two.
    fn say(&mut self, pid: u32, words: &[u8]) {
        let (head, tail) = words.split_at(usize::try_from(self.rng.below(words.len() as u64)).unwrap_or(0));
        let (head, tail) = (head.to_vec(), tail.to_vec());
        let soon = self.now + self.rng.below(10 * MS);
        self.at(soon, Happening::Says(pid, head));
        let then = soon + self.rng.below(10 * MS);
        self.at(then, Happening::Says(pid, tail));
    }

    /// Something was written to a child's stdin.
    pub(crate) fn written(&mut self, process: ProcessId, data: &[u8], call: Option<CallId>) {
        let living = self.children.iter().find(|(_, child)| child.process == process);
        let found = living.map(|(pid, child)| (*pid, child.temper));
        let deaf = !self.calm && self.rng.one_in(30);
        match (call, found.filter(|_| !deaf)) {
            (Some(call), found) => {
                let taken = found.is_some();
                self.later(2, Happening::Tell(Input::StdinTaken { call, taken }));
            }
            (None, None) => self.later(2, Happening::Tell(Input::StdinClosed { process })),
            (None, Some((pid, temper))) => self.hears(pid, temper, data),
        }
    }

    /// A listener reads an event and answers it, one way or another.
    fn hears(&mut self, pid: u32, temper: Temper, data: &[u8]) {
        self.report.events += 1;
        let data = if self.is(Sabotage::NoHeader) { b"" } else { data };
        if !data.starts_with(b"ver:3.0 server:sim serial:") {
            self.fail(format!("an event without a header: {:?}", String::from_utf8_lossy(data)));
        }
        let wild = !self.calm && (temper == Temper::Wild || self.rng.one_in(20));
        match self.rng.below(4) {
            0 if wild => self.later(100, Happening::Dies(pid, ExitStatus::Exited(1))),
            // It never answers.
            1 if wild => {}
            // Its stdout is closed.
            _ if temper == Temper::Parent && !self.calm => {}
            2 if wild => {
                let lie = self.rng.pick(&LIES).copied().unwrap_or(b"x");
                self.say(pid, lie);
            }
            _ => self.say(pid, b"RESULT 2\nOKREADY\n"),
        }
    }

    /// Some client calls, leaves, or edits the configuration.
    pub(crate) fn client_acts(&mut self) {
        if self.calm {
            return;
        }
        self.later(300, Happening::Client);
        match self.rng.below(20) {
            0 => return self.client_leaves(),
            1 => self.config = crate::scene::config(&mut self.rng, Some(&self.config.clone())),
            _ => {}
        }
        let name = Value::str(self.rng.pick(&NAMES).copied().unwrap_or("a"));
        let group = Value::str(self.rng.pick(&GROUPS).copied().unwrap_or("a"));
        let wait = Value::Bool(!self.rng.one_in(3));
        let (method, params) = match self.rng.below(23) {
            0..=3 => ("startProcess", vec![name, wait]),
            4..=6 => ("stopProcess", vec![name, wait]),
            7 => ("startProcessGroup", vec![group, wait]),
            8 => ("stopProcessGroup", vec![group]),
            9 => ("startAllProcesses", vec![wait]),
            10 => ("stopAllProcesses", vec![]),
            11 => ("signalProcess", vec![name, "HUP".into()]),
            12 => ("getAllProcessInfo", vec![]),
            13 => ("sendProcessStdin", vec![name, "hello\n".into()]),
            14 | 15 => ("sendRemoteCommEvent", vec!["type".into(), "data".into()]),
            16 | 17 => ("reloadConfig", vec![]),
            18 => ("addProcessGroup", vec![group]),
            19 => ("removeProcessGroup", vec![group]),
            20 => ("clearAllProcessLogs", vec![]),
            21 => ("upgrade", vec![]),
            _ => ("getAllConfigInfo", vec![Value::Nil]),
        };
        self.call(method, params);
    }

    /// Call a method of `supervisor`.
    pub(crate) fn call(&mut self, method: &str, params: Vec<Value>) {
        let call = CallId(self.calls.len() as u64);
        self.calls.insert(call, Call::Waits);
        self.tell(Input::Called { call, request: Request::Method { name: format!("supervisor.{method}"), params } });
    }

    fn client_leaves(&mut self) {
        let waiting: Vec<CallId> =
            self.calls.iter().filter(|(_, state)| **state == Call::Waits).map(|(call, _)| *call).collect();
        if let Some(&call) = self.rng.pick(&waiting) {
            self.calls.insert(call, Call::Gone);
            self.tell(Input::HungUp { call });
        }
    }

    /// Something befalls the machine or the daemon.
    pub(crate) fn weather(&mut self) {
        if self.calm {
            return;
        }
        self.later(4000, Happening::Weather);
        match self.rng.below(8) {
            // At once, or in the middle of what it will be doing.
            0 if self.rng.one_in(2) => self.crash(),
            0 => self.doom = Some(self.rng.below(40)),
            1 => self.tell(Input::Signalled(DaemonSignal::Upgrade)),
            2 => self.set_clock(),
            3 => self.tell(Input::Signalled(DaemonSignal::ReopenLogs)),
            4 => self.murder(),
            5 => {
                self.note(|| "the disk fills up or has room again".into());
                self.file.full = !self.file.full;
            }
            _ => {}
        }
    }

    fn set_clock(&mut self) {
        let hours = i64::try_from(self.rng.below(100)).unwrap_or(0) - 50;
        self.note(|| format!("the clock is set by {hours} hours"));
        self.wall = self.wall.saturating_add(hours * 3_600_000_000_000);
    }
}
