//! `[eventlistener:x]`: a pool of processes and what they want to hear.
//!
//! Deliberately absent: the conversation with them (`wire`, `engine`).

use std::collections::BTreeSet;

use model::EventType;

use super::plugins::result_handler;
use super::{Reading, View};
use crate::lint::nearest;
use crate::tables::eventlistener::TABLE;
use crate::types::{DaemonConfig, GroupConfig, GroupKind, PoolConfig, ResultHandler};
use crate::value;

impl Reading<'_> {
    pub(super) fn listener(&self, section: &str, daemon: &DaemonConfig) -> Option<GroupConfig> {
        let view = View::new(self, section, &TABLE).here();
        let priority = view.value("priority", value::integer);
        let buffer_size = view.value("buffer_size", value::integer);
        if buffer_size < 1 && view.is_set("buffer_size") {
            let words = format!("[{section}] section sets invalid buffer_size ({buffer_size})");
            view.fail_hinted("buffer_size", words, "1 or more");
        }
        let handler = view.text("result_handler").unwrap_or_default();
        let result_handler = result_handler(&handler).unwrap_or_else(|| {
            let words = format!("{handler} cannot be resolved within [{section}]");
            let right = "it is a Python function, and this daemon runs no Python: leave the option out, or let the \
                         listener itself do the work";
            view.fail_hinted("result_handler", words, right);
            ResultHandler::Default
        });
        let events = self.events(&view);
        if view.value("redirect_stderr", value::boolean) {
            let words = format!(
                "[{section}] section sets redirect_stderr=true but this is not allowed because it will interfere with \
                 the eventlistener protocol"
            );
            view.fail_hinted("redirect_stderr", words, "remove the line");
        }
        let name = section.split_once(':').map_or("", |(_, name)| name).to_owned();
        let processes = self.processes(section, &name, daemon);
        let buffer_size = usize::try_from(buffer_size).unwrap_or(1);
        let kind = GroupKind::Listeners(PoolConfig { buffer_size, events, result_handler });
        Some(GroupConfig { name, priority, kind, processes })
    }

    fn events(&self, view: &View<'_, '_>) -> BTreeSet<EventType> {
        let section = view.section;
        let names = value::strings(&view.text("events").unwrap_or_default());
        if names.is_empty() {
            view.fail_hinted(
                "events",
                format!("[{section}] section requires an \"events\" line"),
                "such as events=EVENT",
            );
        }
        let mut events = BTreeSet::new();
        for name in names {
            match value::event(&name) {
                Some(event) => drop(events.insert(event)),
                None => {
                    let upper = name.to_uppercase();
                    let problem = view.problem("events", format!("Unknown event type {upper} in [{section}] events"));
                    let near = nearest(&upper, EventType::ALL.iter().map(|event| event.name()));
                    let hint = near.map_or("such as PROCESS_STATE_EXITED or TICK_60".into(), |near| {
                        format!("did you mean {near}?")
                    });
                    self.tell(problem.hint(hint));
                }
            }
        }
        events
    }
}
