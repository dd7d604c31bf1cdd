//! What an event listener says to the daemon: any split is understood alike, and no event is lost uncounted.

use std::sync::Arc;

use config::{GroupConfig, GroupKind, PoolConfig, ProcessConfig, ResultHandler};
use engine::handover::GroupState;
use engine::{Action, CallId, Engine, Input, ProcessId, Request};
use model::{EventType, Moment, Value, WallTime};

use crate::cuts::cut;
use crate::drive;

const LISTENER: ProcessId = ProcessId(0);
const WALL: WallTime = WallTime(1_700_000_000_000_000_000);

pub fn run(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let (split, split_events) = converse(&pieces);
    let (plain, events) = converse(&[whole]);
    // Between two pieces the next event may be sent, and what follows is then heard otherwise: that is the protocol.
    if split_events <= 1 && events <= 1 {
        assert_eq!(split, plain);
    }
}

/// A listener with an event in hand says this: where the conversation stands then, and how many events were sent.
fn converse(pieces: &[&[u8]]) -> (String, usize) {
    let (mut engine, mut events) = (Engine::new(drive::config(vec![pool()]), drive::LOCAL), 0);
    let mut now = 0;
    let mut tell = |input| {
        let mut out = Vec::new();
        now += 1_000_000;
        engine.handle(Moment(now), WALL, input, &mut out);
        events += out.iter().filter(|action| matches!(action, Action::WriteStdin { .. })).count();
        let mut tickets = out.iter().filter_map(|action| match action {
            Action::PrepareGroup { ticket, .. } => Some(*ticket),
            _ => None,
        });
        tickets.next()
    };
    if let Some(ticket) = tell(Input::Started) {
        tell(Input::GroupPrepared { ticket, logs: Vec::new() });
    }
    tell(Input::Spawned { process: LISTENER, pid: 7 });
    tell(Input::Due);
    tell(Input::ListenerSaid { process: LISTENER, data: b"READY\n".to_vec() });
    let params = vec![Value::str("type"), Value::str("data")];
    let request = Request::Method { name: "supervisor.sendRemoteCommEvent".into(), params };
    tell(Input::Called { call: CallId(1), request });
    for piece in pieces {
        tell(Input::ListenerSaid { process: LISTENER, data: piece.to_vec() });
    }
    assert!(events > 0, "the listener has no event in hand");
    let kept = engine.save();
    kept.groups.iter().for_each(counted);
    (serde_json::to_string(&kept.groups).expect("a handover can be written"), events)
}

/// Each event is accepted, lost, waiting or in hand.
fn counted(group: &GroupState) {
    let Some(pool) = &group.pool else { return };
    let listeners = group.processes.iter().filter_map(|process| process.listener.as_ref());
    let in_hand = listeners.clone().filter(|listener| listener.event.is_some()).count();
    assert_eq!(pool.accepted + pool.lost + (pool.queue.len() + in_hand) as u64, pool.next_serial);
    for listener in listeners {
        assert!(listener.buffer.len() <= model::limits::LISTENER_BUFFER, "what a listener says is kept without bound");
    }
}

fn pool() -> Arc<GroupConfig> {
    let events = [EventType::RemoteCommunication].into();
    let kind = GroupKind::Listeners(PoolConfig { buffer_size: 3, events, result_handler: ResultHandler::Default });
    let process = ProcessConfig { name: "ear".into(), command: "/bin/ear".into(), startsecs: 0, ..Default::default() };
    Arc::new(GroupConfig { name: "ear".into(), priority: -1, kind, processes: vec![Arc::new(process)] })
}
