//! `[supervisorctl]`.

use super::{Directive, Kind, Table, Update};

const fn row(name: &'static str, kind: Kind, brief: &'static str) -> Directive {
    Directive::new(name, kind, brief).on_update(Update::Nothing)
}

/// Its directives.
pub static TABLE: Table = Table {
    section: "supervisorctl",
    doc: "How supervisorctl finds the daemon. It should fit one of the server sections.",
    rows: &[
        row("serverurl", Kind::Url, "address of supervisord's socket or port")
            .default("http://localhost:9001")
            .shown_or("unix:///tmp/supervisor.sock", "http://127.0.0.1:9001")
            .doc("The address of the daemon.", "unix:///run/supervisor.sock"),
        row("username", Kind::Text, "as in the server section")
            .commented("chris")
            .doc("The name to give to the server.", "admin"),
        row("password", Kind::Text, "as in the server section")
            .commented("123")
            .doc("The password to give to the server, not hashed.", "not-a-secret"),
        row("prompt", Kind::Text, "what the shell shows before a command")
            .default("supervisor")
            .commented("mysupervisor")
            .doc("The prompt of the shell, without the `>`.", "production"),
        row("history_file", Kind::Path, "where the shell keeps its history; default: nowhere")
            .commented("~/.sc_history")
            .doc("The file in which the shell keeps what was typed.", "~/.sc_history"),
    ],
    open: false,
};
