//! The shell on a terminal: prompt, editing, completion, history, passwords that do not show.
//!
//! Deliberately absent: what the actions do (`ctl.rs`).

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

#[allow(dead_code, reason = "each chapter uses a part of it")]
mod fake_server;

use fake_server::{Server, info, version};
use model::{ProcessState, Value};
use rexpect::session::{PtySession, spawn_command};

fn server() -> Server {
    Server::start(answer)
}

fn answer(method: &str, _: &[Value]) -> fake_server::Answer {
    match method {
        "getAllProcessInfo" => Ok(Value::Array(vec![
            info("pair", "alpha", ProcessState::Running),
            info("pair", "beta", ProcessState::Running),
            info("solo", "solo", ProcessState::Stopped),
        ])),
        "startProcess" => Ok(Value::Bool(true)),
        _ => version(method),
    }
}

fn shell(server: &Server, arguments: &[&str]) -> PtySession {
    let mut command = server.command(arguments);
    command.env("TERM", "xterm");
    let mut shell = spawn_command(command, Some(20_000)).unwrap();
    shell.exp_string("supervisor> ").unwrap();
    shell
}

fn exit_status(shell: &mut PtySession) -> Option<i32> {
    shell.exp_eof().unwrap();
    match shell.process_mut().wait().unwrap() {
        rexpect::process::WaitStatus::Exited(_, status) => Some(status),
        _ => None,
    }
}

#[test]
fn the_prompt_comes_after_the_status_and_ctrl_d_leaves() {
    let server = server();
    let mut command = server.command(&[]);
    command.env("TERM", "xterm");
    let mut shell = spawn_command(command, Some(20_000)).unwrap();
    let before = shell.exp_string("supervisor> ").unwrap();
    assert!(before.contains("solo                             STOPPED   since then"), "{before}");
    shell.send_line("version").unwrap();
    shell.exp_string("4.3.0").unwrap();
    shell.exp_string("supervisor> ").unwrap();
    shell.send_control('d').unwrap();
    assert_eq!(exit_status(&mut shell), Some(0));
}

#[test]
fn ctrl_c_at_the_prompt_leaves_with_0() {
    let server = server();
    let mut shell = shell(&server, &[]);
    shell.send_control('c').unwrap();
    assert_eq!(exit_status(&mut shell), Some(0));
}

#[test]
fn tab_completes_actions_and_names() {
    let server = server();
    let mut shell = shell(&server, &[]);
    shell.send("vers\t").unwrap();
    shell.flush().unwrap();
    shell.exp_string("version ").unwrap();
    shell.send_control('u').unwrap();
    shell.send("stop pa\t\t").unwrap();
    shell.flush().unwrap();
    shell.exp_string("pair:alpha").unwrap();
    shell.exp_string("pair:beta").unwrap();
    shell.send_control('u').unwrap();
    shell.send_line("start so\t").unwrap();
    shell.exp_string("solo: started").unwrap();
    assert!(server.calls().contains(&"startProcess(solo)".into()));
}

#[test]
fn the_history_outlives_the_shell() {
    let server = server();
    let file = server.dir.path().join("history");
    std::fs::write(&file, "pid\n").unwrap();
    let arguments = ["-r", &file.display().to_string()];
    let mut first = shell(&server, &arguments);
    for line in ["version", "nosuch", "nosuch", "quit"] {
        first.send_line(line).unwrap();
    }
    assert_eq!(exit_status(&mut first), Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "pid\nversion\nnosuch\nquit\n");
    let mut second = shell(&server, &arguments);
    second.send_line("\x1b[A\x1b[A\x1b[A").unwrap();
    second.exp_string("4.3.0").unwrap();
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let server = Server::refusing(vec![401], answer);
    let mut command = server.command(&[]);
    command.env("TERM", "xterm");
    let mut shell = spawn_command(command, Some(20_000)).unwrap();
    shell.exp_string("Server requires authentication").unwrap();
    shell.exp_string("Username:").unwrap();
    shell.send_line("me").unwrap();
    shell.exp_string("Password:").unwrap();
    shell.send_line("hush").unwrap();
    let shown = shell.exp_string("supervisor> ").unwrap();
    assert!(!shown.contains("hush") && shown.contains("STOPPED"), "{shown}");
    assert_eq!(server.seen()[1].authorization.as_deref(), Some("Basic bWU6aHVzaA=="));
}
