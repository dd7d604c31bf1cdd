//! Events to listeners and back: raised, sent to a listener that is ready, accepted, refused, taken back.
//!
//! Nothing is lost that was not counted: a refused event, and one in the hand of a listener that dies, goes back to the
//! head of its queue with its serials.

use std::sync::Arc;

use config::{GroupKind, ResultHandler};
use model::{Channel, EventType, Level, ListenerState, ProcessState};

use crate::action::Action;
use crate::bus::Queued;
use crate::engine::Engine;
use crate::input::ProcessId;
use crate::listener::Said;
use crate::payload;

impl Engine {
    /// Something happened. The body is made only if somebody wants to hear of it.
    pub(crate) fn raise(&mut self, kind: EventType, payload: impl FnOnce() -> String) {
        if self.bus.wants(kind) {
            for line in self.bus.publish(kind, payload()) {
                self.log(Level::Error, line);
            }
        }
    }

    /// Output of a program with `…_events_enabled`.
    pub(crate) fn output(&mut self, id: ProcessId, channel: Channel, data: &[u8]) {
        let Some(process) = self.processes.get(&id) else { return self.stranger(id, "output") };
        let kind = match channel {
            Channel::Stdout => EventType::ProcessLogStdout,
            Channel::Stderr => EventType::ProcessLogStderr,
        };
        if self.bus.wants(kind) {
            let text = payload::log(process, channel, data);
            self.raise(kind, || text);
        }
    }

    /// Text between the communication tokens.
    pub(crate) fn captured(&mut self, id: ProcessId, channel: Channel, data: &[u8]) {
        let Some(process) = self.processes.get(&id) else { return self.stranger(id, "a message") };
        let kind = match channel {
            Channel::Stdout => EventType::ProcessCommunicationStdout,
            Channel::Stderr => EventType::ProcessCommunicationStderr,
        };
        let name = process.config.name.clone();
        if self.bus.wants(kind) {
            let text = payload::communication(process, data);
            self.raise(kind, || text);
        }
        self.debug(|| format!("'{name}' {} emitted a comm event", channel.name()));
    }

    /// Send what waits to listeners that are ready, the oldest event to the first of them.
    pub(crate) fn deliver_events(&mut self) {
        if !std::mem::take(&mut self.bus.stirred) {
            return;
        }
        for index in 0..self.bus.pools.len() {
            while self.deliver_one(index) {}
        }
    }

    /// Send a pool's oldest event; false if there is none, or nobody to take it.
    fn deliver_one(&mut self, index: usize) -> bool {
        let Some(pool) = self.bus.pools.get_mut(index).filter(|pool| !pool.queue.is_empty()) else { return false };
        let ready = pool.members.iter().find(|id| {
            let process = self.processes.get(id).filter(|process| process.word() == ProcessState::Running);
            process.is_some_and(|process| {
                process.live_pid().is_some() && process.listener.as_ref().is_some_and(|one| one.is_ready())
            })
        });
        let Some(&id) = ready else { return false };
        let Some(queued) = pool.queue.pop_front() else { return false };
        pool.burst = 0;
        let data = payload::envelope(&self.base.daemon.identifier, &pool.name, queued.serial, &queued.event);
        let serial = queued.event.serial;
        let Some(process) = self.processes.get_mut(&id) else { return false };
        let name = process.config.name.clone();
        if let Some(listener) = &mut process.listener {
            listener.state = ListenerState::Busy;
            listener.event = Some(queued);
        }
        self.act(Action::WriteStdin { process: id, data, call: None });
        self.debug(|| format!("event {serial} sent to listener {name}"));
        true
    }

    /// A listener wrote to its stdout.
    pub(crate) fn listener_said(&mut self, id: ProcessId, data: &[u8]) {
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "an answer") };
        let name = process.config.name.clone();
        let Some(listener) = &mut process.listener else { return self.stranger(id, "an answer of a program") };
        listener.buffer.extend_from_slice(data);
        self.debug(|| format!("'{name}' stdout output:\n{}", payload::shown(data)));
        while let Some(said) = self.next_word(id) {
            match said {
                Said::Ready => {
                    self.bus.stirred = true;
                    self.set_listener(id, ListenerState::Ready);
                }
                Said::Nonsense => self.set_listener(id, ListenerState::Unknown),
                Said::BadLine(line) => {
                    self.log(Level::Warn, format!("{name}: bad result line: '{}'", payload::text(&line)));
                    self.set_listener(id, ListenerState::Unknown);
                    self.take_back_event(id);
                }
                Said::Result(result) => self.judge(id, &name, &result),
            }
        }
    }

    fn next_word(&mut self, id: ProcessId) -> Option<Said> {
        self.processes.get_mut(&id)?.listener.as_mut()?.next()
    }

    /// Whether a result accepts the event is up to the pool's `result_handler`.
    fn judge(&mut self, id: ProcessId, name: &str, result: &[u8]) {
        let handler = self.processes.get(&id).and_then(|process| match &self.groups.get(&process.group)?.config.kind {
            GroupKind::Listeners(pool) => Some(pool.result_handler),
            GroupKind::Programs | GroupKind::FastCgi(_) => None,
        });
        match handler.unwrap_or(ResultHandler::Default) {
            ResultHandler::Default if result == b"OK" => self.accepted(id, name),
            ResultHandler::Default => {
                self.log(Level::Warn, format!("{name}: event was rejected"));
                self.set_listener(id, ListenerState::Acknowledged);
                self.take_back_event(id);
            }
            ResultHandler::SupervisorStdout => match labelled(result) {
                Some(data) => {
                    self.act(Action::Print { data });
                    self.accepted(id, name);
                }
                None => {
                    self.log(Level::Warn, format!("{name}: event caused an error"));
                    self.set_listener(id, ListenerState::Unknown);
                    self.take_back_event(id);
                }
            },
        }
    }

    fn accepted(&mut self, id: ProcessId, name: &str) {
        self.debug(|| format!("{name}: event was processed"));
        self.set_listener(id, ListenerState::Acknowledged);
        let Some(process) = self.processes.get_mut(&id) else { return };
        let pool = Arc::clone(&process.group);
        let event = process.listener.as_mut().and_then(|listener| listener.event.take());
        if let (Some(_), Some(pool)) = (event, self.bus.pool_mut(&pool)) {
            pool.accepted += 1;
        }
    }

    fn set_listener(&mut self, id: ProcessId, state: ListenerState) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let name = process.config.name.clone();
        let Some(listener) = &mut process.listener else { return };
        let old = std::mem::replace(&mut listener.state, state);
        self.debug(|| format!("{name}: {} -> {}", old.name(), state.name()));
        if state == ListenerState::Unknown {
            self.log(
                Level::Warn,
                format!(
                    "{name}: has entered the UNKNOWN state and will no longer receive events, this usually indicates \
                     the process violated the eventlistener protocol"
                ),
            );
        }
    }

    /// The event in a listener's hand goes back to the head of its queue.
    pub(crate) fn take_back_event(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let pool = Arc::clone(&process.group);
        let Some(queued) = process.listener.as_mut().and_then(|listener| listener.event.take()) else { return };
        self.rebuffer(&pool, queued);
    }

    fn rebuffer(&mut self, name: &str, queued: Queued) {
        let Some(pool) = self.bus.pool_mut(name) else { return };
        let (serial, size, max) = (queued.event.serial, pool.queue.len(), pool.config.buffer_size);
        let line = pool.accept(queued, true);
        self.bus.stirred = true;
        self.debug(|| format!("rebuffering event {serial} for pool {name} (buf size={size}, max={max})"));
        if let Some(line) = line {
            self.log(Level::Error, line);
        }
    }

    /// An event could not be written: the listener has closed its stdin. It gets no more until it is started again.
    pub(crate) fn stdin_closed(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return self.stranger(id, "a closed stdin") };
        let name = process.config.name.clone();
        let Some(listener) = process.listener.as_mut().filter(|listener| !listener.deaf) else { return };
        listener.deaf = true;
        let Some(serial) = listener.event.as_ref().map(|queued| queued.event.serial) else { return };
        listener.state = ListenerState::Ready;
        listener.result_len = None;
        self.debug(|| {
            format!("epipe occurred while sending event {serial} to listener {name}, listener state unchanged")
        });
        self.take_back_event(id);
    }
}

/// What `supervisor_stdout` prints of a result: each line of the data behind the process' name and channel, which its
/// first line says. `None` if there is no such line.
fn labelled(result: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(result).ok()?;
    let (head, data) = text.split_once('\n')?;
    let field =
        |name: &str| head.split_whitespace().filter_map(|word| word.split_once(':')).find(|(key, _)| *key == name);
    let ((_, process), (_, channel)) = (field("processname")?, field("channel")?);
    let lines: Vec<_> = data.split('\n').map(|line| format!("{process} {channel} | {line}")).collect();
    Some((lines.join("\n") + "\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::labelled;

    #[test]
    fn supervisor_stdout_labels_every_line() {
        let result = b"processname:web groupname:g pid:7 channel:stdout\none\ntwo";
        assert_eq!(labelled(result).as_deref(), Some(b"web stdout | one\nweb stdout | two\n".as_slice()));
        assert_eq!(labelled(b"OK"), None);
        assert_eq!(labelled(b"processname:web\none"), None);
    }
}
