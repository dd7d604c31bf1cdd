//! THE table of RPC methods: one row and one function a method, in the file of its area. What a client may call, how many
//! parameters it gives, `system.listMethods`, `system.methodHelp` and `system.methodSignature` all follow from the rows.
//!
//! To add a method, add a row and a function to an area. Deliberately absent: XML, and `system.multicall`, which the
//! front makes of single calls.

mod args;
mod config_info;
mod control;
mod logs;
mod manual;
mod processes;
mod start_stop;
mod stdin;
mod system;

use std::fmt::Write;

use model::{Channel, Fault, FaultCode, Level, SupervisorState};

use crate::action::Answer;
use crate::engine::Engine;
use crate::input::{CallId, Request};

use args::Args;

pub use manual::manual;

/// What a method makes of a call: an answer now, or (`None`) one later.
type Outcome = Result<Option<Answer>, Fault>;

/// A row of the table.
struct Method {
    /// With its namespace.
    name: &'static str,
    /// What it does, for `system.methodHelp`.
    does: &'static str,
    /// In the order in which they are given.
    params: &'static [Param],
    /// The type that it gives, and what that is.
    gives: (&'static str, &'static str),
    /// It answers also while the daemon shuts down.
    always: bool,
    /// Does it.
    run: fn(&mut Engine, CallId, Args<'_>) -> Outcome,
}

/// A parameter of a method.
struct Param {
    /// Its type in XML-RPC.
    kind: &'static str,
    /// What it is called.
    name: &'static str,
    /// What it is.
    is: &'static str,
    /// It may be left out.
    optional: bool,
}

impl Param {
    const fn new(kind: &'static str, name: &'static str, is: &'static str) -> Self {
        Self { kind, name, is, optional: false }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Methods that the reference does not have. They are not in `system.listMethods`, which clients compare and walk through.
const OURS: &[&str] = &["supervisor.upgrade"];

/// All areas.
const AREAS: &[&[Method]] = &[
    control::METHODS,
    processes::METHODS,
    start_stop::METHODS,
    config_info::METHODS,
    logs::METHODS,
    stdin::METHODS,
    system::METHODS,
];

fn methods() -> impl Iterator<Item = &'static Method> {
    AREAS.iter().copied().flatten()
}

/// The method of a name that a client gives. The `[rpcinterface:x]` sections that the daemon was started with say which
/// namespaces there are beside `system`: without one there is nothing to call.
fn find(interfaces: &[String], name: &str) -> Option<&'static Method> {
    let (namespace, call) = name.split_once('.')?;
    let system = namespace == "system";
    if !system && !interfaces.iter().any(|interface| interface == namespace) {
        return None;
    }
    methods().find(|method| method.is_system() == system && method.call() == call)
}

impl Method {
    /// True if it is there whatever the configuration says.
    fn is_system(&self) -> bool {
        self.name.starts_with("system.")
    }

    /// True if the reference has it too.
    fn is_listed(&self) -> bool {
        !OURS.contains(&self.name)
    }

    /// Its name without the namespace.
    fn call(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, call)| call)
    }

    /// True if it may be called with so many parameters.
    fn takes(&self, count: usize) -> bool {
        let needed = self.params.iter().filter(|param| !param.optional).count();
        (needed..=self.params.len()).contains(&count)
    }

    /// The text of `system.methodHelp`; clients take types and names out of its `@` lines.
    fn help(&self) -> String {
        let mut text = format!(" {}\n\n", self.does);
        // Writing to a String cannot fail.
        for Param { kind, name, is, .. } in self.params {
            let _ = writeln!(text, "@param {kind} {name} {is}");
        }
        let (kind, what) = self.gives;
        let _ = writeln!(text, "@return {kind} {what}");
        text
    }
}

impl Engine {
    /// A client asks.
    pub(crate) fn called(&mut self, call: CallId, request: Request) {
        if self.open_call(call)
            && let Some(request) = self.hold_early(call, request)
        {
            self.answer(call, request);
        }
    }

    /// An open call is dealt with.
    pub(crate) fn answer(&mut self, call: CallId, request: Request) {
        let outcome = match request {
            Request::Method { name, params } => self.method_called(call, &name, Args(&params)),
            Request::LogPath { name, channel } => self.log_path(&name, channel),
            Request::Overview => Ok(Some(Answer::Overview(self.overview()))),
        };
        match outcome {
            Ok(Some(answer)) => self.reply(call, answer),
            Ok(None) => {}
            Err(fault) => self.reply(call, Answer::Fault(fault)),
        }
    }

    fn method_called(&mut self, call: CallId, name: &str, args: Args<'_>) -> Outcome {
        let method = find(&self.base.rpc_interfaces, name).ok_or_else(|| Fault::bare(FaultCode::UnknownMethod))?;
        let traced = Level::Trace >= self.base.daemon.loglevel;
        if traced {
            self.log(Level::Trace, format!("XML-RPC method called: {name}()"));
        }
        let outcome = if !method.takes(args.count()) {
            Err(Fault::bare(FaultCode::IncorrectParameters))
        } else if self.mood != SupervisorState::Running && !method.always {
            Err(Fault::bare(FaultCode::ShutdownState))
        } else {
            (method.run)(self, call, args)
        };
        if traced {
            let text = match &outcome {
                Ok(_) => format!("XML-RPC method {name}() returned successfully"),
                Err(fault) => {
                    format!("XML-RPC method {name}() returned fault: [{}] {}", fault.code.number(), fault.text)
                }
            };
            self.log(Level::Trace, text);
        }
        outcome
    }

    fn log_path(&mut self, name: &str, channel: Channel) -> Outcome {
        let process = self.process_named(name)?;
        let path = process.logs[usize::from(channel == Channel::Stderr)].clone();
        Ok(Some(Answer::Path(path.ok_or_else(|| Fault::bare(FaultCode::NoFile))?)))
    }
}

#[cfg(test)]
mod tests {
    use super::methods;

    #[test]
    fn every_method_is_described_and_named_once() {
        let mut names: Vec<_> = methods().map(|method| method.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for method in methods() {
            assert!(method.does.ends_with('.'), "{}", method.name);
            assert!(method.params.iter().all(|param| !param.is.is_empty()), "{}", method.name);
            assert!(method.params.is_sorted_by_key(|param| param.optional), "{}", method.name);
            let types = ["string", "int", "boolean", "array", "struct"];
            assert!(types.contains(&method.gives.0) && method.params.iter().all(|param| types.contains(&param.kind)));
        }
    }
}
