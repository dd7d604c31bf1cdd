//! The defaults that are written as data are those that the tables say.
//!
//! Deliberately absent: what a directive means (reading.rs).

#![allow(clippy::unwrap_used)]

mod host;

use std::path::Path;

use config::{Config, Flags, ProcessConfig, load};
use host::FakeHost;

#[test]
fn an_empty_section_is_read_as_the_default() {
    let file = "/etc/supervisord.conf";
    let rpc =
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";
    let host = FakeHost::with(&[(file, &format!("[supervisord]\n[program:x]\ncommand=/bin/x\n{rpc}"))]);
    let config = load(&host, Path::new(file), &Flags::default()).unwrap();
    let bare = Config { groups: config.groups.clone(), ..Config::default() };
    assert_eq!(config, bare);
    let want = ProcessConfig { name: "x".into(), command: "/bin/x".into(), ..ProcessConfig::default() };
    assert_eq!(*config.groups[0].processes[0], want);
}
