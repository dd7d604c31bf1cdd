//! `system.*`: what can be called, and how. All of it follows from the table.

use model::{Fault, FaultCode, Value};

use super::args::Args;
use super::{Method, Outcome, Param, find, methods};
use crate::action::Answer;
use crate::engine::Engine;
use crate::input::CallId;

const NAME: Param = Param::new("string", "name", "The method, with its namespace.");

/// The rows of this area.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "system.listMethods",
        does: "List the names of all methods of Supervisor, sorted.",
        params: &[],
        gives: ("array", "The names."),
        always: true,
        run: list_methods,
    },
    Method {
        name: "system.methodHelp",
        does: "Describe a method, its parameters and its result.",
        params: &[NAME],
        gives: ("string", "The description."),
        always: true,
        run: method_help,
    },
    Method {
        name: "system.methodSignature",
        does: "Tell the types of a method: first that of its result, then those of its parameters in order.",
        params: &[NAME],
        gives: ("array", "The names of the types."),
        always: true,
        run: method_signature,
    },
    Method {
        name: "system.multicall",
        does: "Make several calls one after the other. Each is a struct of methodName and params; each result is the \
               value, or a struct of faultCode and faultString.",
        params: &[Param::new("array", "calls", "The calls.")],
        gives: ("array", "Their results, in order."),
        always: true,
        run: multicall,
    },
];

fn list_methods(engine: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    let (system, others): (Vec<_>, Vec<_>) = methods().partition(|method| method.is_system());
    let mut names: Vec<_> = system.iter().map(|method| method.name.to_owned()).collect();
    for interface in &engine.base.rpc_interfaces {
        let listed = others.iter().filter(|method| method.is_listed());
        names.extend(listed.map(|method| format!("{interface}.{}", method.call())));
    }
    names.sort_unstable();
    Ok(Some(Answer::Value(Value::Array(names.into_iter().map(Value::from).collect()))))
}

fn named(engine: &Engine, args: Args<'_>) -> Result<&'static Method, Fault> {
    let name = args.text(0).ok();
    let found = name.and_then(|name| find(&engine.base.rpc_interfaces, name));
    found.ok_or_else(|| Fault::bare(FaultCode::SignatureUnsupported))
}

fn method_help(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    Ok(Some(Answer::Value(named(engine, args)?.help().into())))
}

fn method_signature(engine: &mut Engine, _: CallId, args: Args<'_>) -> Outcome {
    let method = named(engine, args)?;
    let types = std::iter::once(method.gives.0).chain(method.params.iter().map(|param| param.kind));
    Ok(Some(Answer::Value(Value::Array(types.map(Value::from).collect()))))
}

/// Single calls come here; one that is itself a multicall does not.
fn multicall(_: &mut Engine, _: CallId, _: Args<'_>) -> Outcome {
    Err(Fault::about(FaultCode::IncorrectParameters, "Recursive system.multicall forbidden"))
}
