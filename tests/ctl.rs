//! supervisorctl as scripts see it: its lines and its exit statuses, against a server that says what a test wants.
//!
//! Deliberately absent: the shell on a terminal (`shell.rs`) and our own daemon.

#![allow(clippy::unwrap_used, reason = "a test may stop where its world is not as it should be")]

#[allow(dead_code, reason = "each chapter uses a part of it")]
mod fake_server;

use std::io::Write as _;
use std::process::Stdio;

use fake_server::{Server, ctl, ended, fault, info, record, version};
use model::{FaultCode, ProcessState, Value};

fn two_programs() -> Server {
    Server::start(|method, _| match method {
        "getAllProcessInfo" => Ok(Value::Array(vec![
            info("crew", "hand", ProcessState::Stopped),
            info("web", "web", ProcessState::Running),
        ])),
        _ => version(method),
    })
}

#[test]
fn status_exits_3_for_what_is_stopped_and_4_for_what_is_unknown() {
    let server = two_programs();
    let (hand, web) = (
        "crew:hand                        STOPPED   since then\n",
        "web                              RUNNING   since then\n",
    );
    assert_eq!(server.ctl(&["status"]), (3, format!("{hand}{web}"), String::new()));
    assert_eq!(server.ctl(&["status", "web"]), (0, web.into(), String::new()));
    assert_eq!(server.ctl(&["status", "crew:*"]), (3, hand.into(), String::new()));
    let (status, out, _) = server.ctl(&["status", "nosuch", "gone:*", "web"]);
    assert_eq!((status, out), (4, format!("nosuch: ERROR (no such process)\ngone: ERROR (no such group)\n{web}")));
    assert_eq!(server.ctl(&["status", "nosuch", "crew:hand"]).0, 3, "what is stopped wins");
}

#[test]
fn every_fault_of_start_has_its_words_and_status() {
    let server = Server::start(|method, params| match (method, params.first().and_then(Value::as_str)) {
        ("startProcess", Some(name)) => match name.parse().ok().and_then(FaultCode::from_number) {
            Some(code) => fault(code),
            None => Ok(Value::Bool(true)),
        },
        ("startProcessGroup", _) => fault(FaultCode::BadName),
        _ => version(method),
    });
    for (name, status, words) in [
        ("10", 1, "10: ERROR (no such process)"),
        ("20", 1, "20: ERROR (no such file)"),
        ("21", 1, "21: ERROR (file is not executable)"),
        ("40", 7, "40: ERROR (abnormal termination)"),
        ("50", 7, "50: ERROR (spawn error)"),
        ("60", 0, "60: ERROR (already started)"),
        ("6", 1, "6: ERROR (SHUTDOWN_STATE)"),
        ("web", 0, "web: started"),
        ("g:*", 2, "g: ERROR (no such group)"),
    ] {
        assert_eq!(server.ctl(&["start", name]), (status, format!("{words}\n"), String::new()), "{name}");
    }
    assert_eq!(server.ctl(&["start", "50", "web"]).0, 7, "a success does not hide a failure");
    assert_eq!(server.ctl(&["start", "50", "10"]).0, 1, "the last failure tells");
}

#[test]
fn stop_and_signal_pass_names_on_and_tell_the_results() {
    let server = Server::start(|method, params| match (method, params.first().and_then(Value::as_str)) {
        ("stopProcess", Some("idle")) | ("signalProcess", Some("idle")) => fault(FaultCode::NotRunning),
        ("stopProcess" | "signalProcess", _) => Ok(Value::Bool(true)),
        ("stopAllProcesses", _) => Ok(Value::Array(vec![record(&[
            ("group", "g".into()),
            ("name", "p".into()),
            ("status", Value::Int(80)),
            ("description", "OK".into()),
        ])])),
        _ => version(method),
    });
    assert_eq!(
        server.ctl(&["stop", "web", "idle"]),
        (0, "web: stopped\nidle: ERROR (not running)\n".into(), String::new())
    );
    assert_eq!(server.ctl(&["signal", "HUP", "g:web", "idle"]).0, 7);
    assert_eq!(server.ctl(&["stop", "web", "all"]).1, "g:p: stopped\n");
    assert_eq!(
        server.calls(),
        [
            "stopProcess(web)",
            "stopProcess(idle)",
            "signalProcess(g:web, HUP)",
            "signalProcess(idle, HUP)",
            "stopAllProcesses()"
        ]
    );
}

#[test]
fn update_stops_removes_and_adds_in_that_order() {
    let names = |names: &[&'static str]| Value::Array(names.iter().map(|&name| name.into()).collect());
    let changes = [names(&["new"]), names(&["other"]), names(&["old"])];
    let server = Server::start(move |method, _| match method {
        "reloadConfig" => Ok(Value::Array(vec![Value::Array(changes.to_vec())])),
        "stopProcessGroup" => Ok(Value::Array(Vec::new())),
        "removeProcessGroup" | "addProcessGroup" => Ok(Value::Bool(true)),
        "getAllProcessInfo" => Ok(Value::Array(vec![info("other", "x", ProcessState::Running)])),
        _ => version(method),
    });
    let (status, out, _) = server.ctl(&["update"]);
    assert_eq!(status, 0);
    assert_eq!(
        out,
        "old: stopped\nold: removed process group\nother: stopped\nother: updated process group\nnew: added process group\n"
    );
    assert_eq!(
        server.calls()[1..],
        [
            "stopProcessGroup(old)",
            "removeProcessGroup(old)",
            "stopProcessGroup(other)",
            "removeProcessGroup(other)",
            "addProcessGroup(other)",
            "addProcessGroup(new)"
        ]
    );
    let (status, out, _) = server.ctl(&["update", "new", "nosuch"]);
    assert_eq!((status, out.as_str()), (1, "ERROR: no such group: nosuch\nnew: added process group\n"));
    assert_eq!(server.ctl(&["reread"]).1, "new: available\nold: disappeared\nother: changed\n");
}

#[test]
fn a_server_that_is_missing_refuses_or_is_another_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = format!("unix://{}", dir.path().join("none.sock").display());
    assert_eq!(ended(ctl(&["-s", &missing, "stop", "x"]).output().unwrap()).0, 7);
    assert_eq!(
        ended(ctl(&["-s", &missing, "status"]).output().unwrap()),
        (4, format!("{missing} no such file\n"), String::new())
    );
    let refusing = "http://127.0.0.1:1";
    assert_eq!(
        ended(ctl(&["-s", refusing, "stop", "x"]).output().unwrap()),
        (4, format!("{refusing} refused connection\n"), String::new())
    );
    let bare = Server::start(|_, _| fault(FaultCode::UnknownMethod));
    let (status, out, _) = bare.ctl(&["version"]);
    assert!(status == 3 && out.contains("[rpcinterface:supervisor] section is enabled"), "{out}");
    let other = Server::start(|_, _| Ok(Value::str("2.0")));
    let (status, out, _) = other.ctl(&["version"]);
    assert!(status == 5 && out.contains("API version 3.0, but the remote version is 2.0"), "{out}");
}

#[test]
fn credentials_are_sent_and_asked_for() {
    let server = Server::refusing(vec![401, 401], |method, _| version(method));
    assert_eq!(server.ctl(&["version"]), (1, "Server requires authentication\n".into(), String::new()));
    assert_eq!(server.ctl(&["-u", "me", "-p", "wrong", "version"]).0, 1);
    assert_eq!(server.ctl(&["-u", "me", "-p", "se:cret", "version"]).0, 0);
    let sent: Vec<_> = server.seen().into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(sent[..3], [None, Some("Basic bWU6d3Jvbmc=".into()), Some("Basic bWU6c2U6Y3JldA==".into())]);
}

#[test]
fn what_is_no_answer_is_an_error_with_status_1() {
    let server = Server::refusing(vec![500, 503], |method, _| version(method));
    let (status, out, _) = server.ctl(&["version"]);
    assert!(status == 1 && out.starts_with("error: unix://") && out.contains("500"), "{out}");
    let (status, out, _) = ended(ctl(&["-s", "gopher://x/", "version"]).output().unwrap());
    assert!(status == 1 && out.contains("Unknown protocol for serverurl gopher://x/"), "{out}");
}

#[test]
fn a_server_may_close_the_connection_after_each_answer() {
    let server = Server::hanging_up(|method, _| match method {
        "getProcessInfo" => Ok(info("web", "web", ProcessState::Running)),
        _ => version(method),
    });
    assert_eq!(server.ctl(&["pid", "web", "web", "web"]), (0, "4711\n".repeat(3), String::new()));
}

#[test]
fn tail_asks_for_the_last_bytes_and_a_missing_log_fails() {
    let server = Server::start(|method, params| match (method, params.first().and_then(Value::as_str)) {
        ("readProcessStdoutLog", Some("none")) => fault(FaultCode::NoFile),
        ("readProcessStdoutLog", _) => Ok(Value::str("text")),
        _ => version(method),
    });
    assert_eq!(server.ctl(&["tail", "-25", "web"]), (0, "text\n".into(), String::new()));
    assert_eq!(server.ctl(&["tail", "none"]), (1, "none: ERROR (no log file)\n".into(), String::new()));
    assert_eq!(server.ctl(&["tail", "-0", "web"]).1, "\n", "the last 0 bytes are not the whole log");
    assert_eq!(server.calls()[0], "readProcessStdoutLog(web, -25, 0)");
    let (status, out, err) = server.ctl(&["tail", "-f", "missing"]);
    assert_eq!((status, out.as_str()), (1, "==> Press Ctrl-C to exit <==\n"));
    assert!(err.ends_with("/logtail/missing/stdout Cannot read, status code 404\n"), "{err}");
}

#[test]
fn tail_f_shows_the_stream_until_ctrl_c() {
    let server = Server::start(|method, _| version(method));
    let mut child = server.command(&["tail", "-f", "g:web", "stderr"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        line
    };
    assert_eq!(line(), "==> Press Ctrl-C to exit <==\n");
    assert_eq!(line(), "log of /logtail/g:web/stderr\n");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(line(), "\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Run with this on stdin.
fn with_input(server: &Server, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = server.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    ended(child.wait_with_output().unwrap())
}

#[test]
fn a_shell_on_a_pipe_shows_its_prompt_and_exits_0() {
    let server = two_programs();
    let (status, out, _) = with_input(&server, &[], "version\nnosuch\n? pid\n\nexit now\nversion\n");
    assert_eq!(status, 0);
    let table = server.ctl(&["status"]).1;
    let help = server.ctl(&["help", "pid"]).1;
    assert_eq!(
        out,
        format!(
            "{table}supervisor> 4.3.0\nsupervisor> *** Unknown syntax: nosuch\nsupervisor> {help}supervisor> supervisor> \n"
        )
    );
}

#[test]
fn an_action_with_i_is_followed_by_a_shell() {
    let server = two_programs();
    let (status, out, _) = with_input(&server, &["-i", "pid"], "version\n");
    assert_eq!(status, 0);
    assert!(out.contains("UNKNOWN_METHOD") && out.contains("supervisor> 4.3.0\n"), "{out}");
}

#[test]
fn a_shell_asks_before_it_shuts_the_daemon_down() {
    let server = Server::start(|method, _| match method {
        "shutdown" => Ok(Value::Bool(true)),
        _ => version(method),
    });
    let (_, out, _) = with_input(&server, &[], "shutdown\nno\nshutdown\n");
    assert!(out.contains("Really shut the remote supervisord process down y/N? supervisor> "), "{out}");
    assert!(!server.calls().contains(&"shutdown()".to_owned()), "the end of the input is no consent");
    let (_, out, _) = with_input(&server, &[], "shutdown\nYES\n");
    assert!(out.contains("y/N? Shut down\n"), "{out}");
}

#[test]
fn fg_passes_lines_on_and_shows_both_logs() {
    let server = Server::start(|method, _| match method {
        "getProcessInfo" => Ok(info("web", "web", ProcessState::Running)),
        "sendProcessStdin" => Ok(Value::Bool(true)),
        _ => version(method),
    });
    let (status, out, _) = with_input(&server, &["fg", "web"], "grüße\nlast");
    assert_eq!(status, 0);
    assert!(out.starts_with("==> Press Ctrl-C to exit <==\n") && out.ends_with("Exiting foreground\n"), "{out}");
    let calls = server.calls();
    assert!(calls.contains(&"sendProcessStdin(web, grüße\n)".into()), "{calls:?}");
    assert!(calls.contains(&"sendProcessStdin(web, last\n)".into()), "{calls:?}");
}

#[test]
fn output_that_nobody_reads_ends_it_quietly() {
    let server = two_programs();
    let mut child = server.command(&["status"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let (_, _, err) = ended(child.wait_with_output().unwrap());
    assert_eq!(err, "");
}

#[test]
fn the_section_of_the_configuration_file_holds_unless_an_option_is_given() {
    let server = two_programs();
    let file = server.dir.path().join("a.conf");
    std::fs::write(&file, "[supervisorctl]\nserverurl = unix://%(here)s/s.sock\nusername=u\npassword=p\nprompt=mine\n")
        .unwrap();
    let mut child = ctl(&["-c", &file.display().to_string(), "-u", "me"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"version\n").unwrap();
    let (_, out, _) = ended(child.wait_with_output().unwrap());
    assert!(out.contains("mine> 4.3.0\n"), "{out}");
    assert_eq!(server.seen()[0].authorization.as_deref(), Some("Basic bWU6cA=="));
}
