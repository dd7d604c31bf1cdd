//! What a step of the engine costs with 5,000 programs: one that dies and is started again, and the questions of clients.
//!
//! Deliberately absent: the world. Facts are given as they would come, and actions are dropped.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/it/config_of.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod config_of;

use config::{Autorestart, ProcessConfig};
use config_of::{config, group, process};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::{Action, CallId, Engine, Input, Local, LocalTime, ProcessId, Request};
use model::{ExitStatus, Moment, Value, WallTime};

const PROGRAMS: u32 = 5000;
const SECOND: u64 = 1_000_000_000;

struct Bench {
    engine: Engine,
    now: u64,
    calls: u64,
    actions: Vec<Action>,
}

impl Bench {
    /// All programs run.
    fn new(count: u32) -> Self {
        let program = |number: u32| {
            let name = format!("p{number}");
            let one = ProcessConfig { startsecs: 0, autorestart: Autorestart::Always, ..process(&name) };
            group(&name, 999, vec![one])
        };
        let local = Local { pid: 1, time: |_| LocalTime { month: 1, day: 1, hour: 0, minute: 0 } };
        let engine = Engine::new(config((0..count).map(program).collect()), local);
        let mut bench = Self { engine, now: 1000 * SECOND, calls: 0, actions: Vec::new() };
        bench.tell(Input::Started);
        let tickets: Vec<_> = bench
            .actions
            .drain(..)
            .filter_map(|action| match action {
                Action::PrepareGroup { ticket, .. } => Some(ticket),
                _ => None,
            })
            .collect();
        for ticket in tickets {
            bench.tell(Input::GroupPrepared { ticket, logs: Vec::new() });
        }
        for number in 0..count {
            bench.tell(Input::Spawned { process: ProcessId(number), pid: number + 2 });
        }
        bench
    }

    fn tell(&mut self, input: Input) {
        self.now += 1000;
        let wall = WallTime(i64::try_from(self.now).unwrap());
        self.engine.handle(Moment(self.now), wall, input, &mut self.actions);
    }

    /// One dies after some time, and is started again.
    fn death_and_start(&mut self) {
        let process = ProcessId(17);
        self.now += 2 * SECOND;
        self.tell(Input::Reaped { process, status: ExitStatus::Exited(0) });
        self.tell(Input::Drained { process });
        self.tell(Input::Due);
        self.tell(Input::Spawned { process, pid: 77 });
        assert!(self.actions.iter().any(|action| matches!(action, Action::Spawn(_))));
        self.actions.clear();
    }

    fn ask(&mut self, name: &str, params: Vec<Value>) {
        self.calls += 1;
        self.tell(Input::Called { call: CallId(self.calls), request: Request::Method { name: name.into(), params } });
        assert!(matches!(self.actions.last(), Some(Action::Reply { .. })));
        self.actions.clear();
    }
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    let mut bench = Bench::new(PROGRAMS);
    group.bench_function("a death and a start among 5,000", |b| b.iter(|| bench.death_and_start()));
    group.bench_function("getProcessInfo among 5,000", |b| {
        b.iter(|| bench.ask("supervisor.getProcessInfo", vec![Value::str("p4711")]));
    });
    let mut few = Bench::new(50);
    group.bench_function("getAllProcessInfo of 50, always the same", |b| {
        b.iter(|| few.ask("supervisor.getAllProcessInfo", Vec::new()));
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
