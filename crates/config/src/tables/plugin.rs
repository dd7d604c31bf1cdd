//! `[rpcinterface:x]` and `[ctlplugin:x]`: names of Python functions, of which only Supervisor's own is known.

use super::{Directive, Kind, Table, Update};

/// `[rpcinterface:x]`.
pub static RPCINTERFACE: Table = Table {
    section: "rpcinterface:",
    doc: "What clients may call. `[rpcinterface:supervisor]` must be there for supervisorctl and the web page to work. \
          Interfaces written in Python cannot be loaded: a section that names one is refused.",
    rows: &[Directive::new("supervisor.rpcinterface_factory", Kind::Plugin, "the interface")
        .required()
        .on_update(Update::Nothing)
        .shown("supervisor.rpcinterface:make_main_rpcinterface")
        .doc("The Python function that makes the interface.", "supervisor.rpcinterface:make_main_rpcinterface")],
    open: true,
};

/// `[ctlplugin:x]`.
pub static CTLPLUGIN: Table = Table {
    section: "ctlplugin:",
    doc: "Commands for supervisorctl written in Python. They cannot be loaded: supervisorctl says so and goes on.",
    rows: &[Directive::new("supervisor.ctl_factory", Kind::Plugin, "the commands")
        .required()
        .on_update(Update::Nothing)
        .doc("The Python function that makes the commands.", "package.module:make_commands")],
    open: true,
};
