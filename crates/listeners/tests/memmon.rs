//! memmon, from its ticks to the calls that the daemon gets.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use common::{Daemon, Played, Process, Sendmail, conversation, event, play, running, tick};
use listeners::memmon::run;
use model::state::ProcessState;

fn memmon(daemon: &Daemon, arguments: &[&str], events: &str) -> Played {
    play("memmon", run, arguments, &daemon.environment(), events)
}

#[test]
fn a_process_that_uses_too_much_is_stopped_and_started() {
    let idle = Process { pid: 0, state: ProcessState::Stopped, ..running("idle", "idle") };
    let daemon = Daemon::new(vec![running("shop", "web"), running("a", "small"), idle], &[]);
    let sendmail = Sendmail::new();
    let arguments =
        ["-p", "shop:web=1KB", "-g", "shop=1", "-a", "1TB", "-m", "ops@example.com", "-s", &sendmail.command];
    assert_eq!(memmon(&daemon, &arguments, &tick()).status, 255, "TB is no size");
    let arguments =
        ["-p", "shop:web=1KB", "-g", "shop=1", "-a", "900GB", "-m", "ops@example.com", "-s", &sendmail.command];
    let played = memmon(&daemon, &arguments, &(event("PROCESS_STATE_EXITED", "") + &tick()));
    assert_eq!((played.status, played.out), (1, conversation(2)));
    let calls = ["getAllProcessInfo", "getProcessInfo shop:web", "stopProcess shop:web", "startProcess shop:web"];
    assert_eq!(daemon.calls(), calls);
    let mail = &sendmail.mails()[0];
    assert!(
        mail.contains(
            "Subject: memmon: process shop:web restarted\n\nmemmon.py restarted the process named shop:web at "
        )
    );
    let lines: Vec<&str> = played.err.lines().map(|line| line.split(" is ").next().unwrap()).collect();
    let first = ["Checking programs shop:web=1024", "Checking groups shop=1", "Checking any=966367641600"];
    assert_eq!(lines, [&first[..], &["RSS of shop:web", "Restarting shop:web", "RSS of a:small"]].concat());
}

#[test]
fn it_does_not_stop_itself() {
    let daemon = Daemon::new(vec![running("memmon", "memmon")], &[]);
    let environment =
        [daemon.environment()[0], ("SUPERVISOR_GROUP_NAME", "memmon"), ("SUPERVISOR_PROCESS_NAME", "memmon")];
    let played = play("memmon", run, &["-a", "1"], &environment, &tick());
    assert_eq!(daemon.calls(), ["getAllProcessInfo"]);
    assert!(played.err.contains("Not restarting memmon:memmon: it is this memmon\n"));
}

#[test]
fn a_stop_that_is_refused_is_mailed_and_ends_it() {
    let daemon = Daemon::new(vec![running("web", "web")], &["stopProcess web:web"]);
    let sendmail = Sendmail::new();
    let played = memmon(&daemon, &["-a", "1", "-n", "home", "-m", "x", "-s", &sendmail.command], &tick());
    assert_eq!((played.status, played.out.as_str()), (1, "READY\n"));
    let last = played.err.lines().last().unwrap().to_owned();
    assert!(last.starts_with("Failed to stop process web:web (RSS "), "{last}");
    assert!(last.ends_with("), exiting: <Fault 70: 'NOT_RUNNING: web:web'>"), "{last}");
    let mail = &sendmail.mails()[0];
    assert!(
        mail.contains("Subject: memmon [home]: failed to stop process web:web, exiting\n") && mail.ends_with(&last)
    );
}

#[test]
fn one_that_was_up_for_long_is_restarted_without_a_mail() {
    for (limit, mails) in [("99", 0), ("100", 1), ("2m", 1)] {
        let daemon = Daemon::new(vec![running("web", "web")], &[]);
        let sendmail = Sendmail::new();
        memmon(&daemon, &["-a", "1", "-u", limit, "-m", "x", "-s", &sendmail.command], &tick());
        assert_eq!((daemon.calls().len(), sendmail.mails().len()), (4, mails), "{limit}");
    }
}

#[test]
fn children_count_when_asked() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let daemon = Daemon::new(vec![running("web", "web")], &[]);
    let rss = |arguments: &[&str]| {
        let err = memmon(&daemon, arguments, &tick()).err;
        err.trim_end().rsplit(' ').next().unwrap().parse::<i64>().unwrap()
    };
    let (alone, all) = (rss(&["-a", "900GB"]), rss(&["-c", "-a", "900GB"]));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all > alone + 100_000, "{all} {alone}");
}

#[test]
fn a_daemon_that_cannot_be_reached_ends_it_with_a_word() {
    let environment = [("SUPERVISOR_SERVER_URL", "unix:///nonexistent/s.sock")];
    let played = play("memmon", run, &["-a", "1"], &environment, &tick());
    assert_eq!(played.status, 1);
    assert!(played.err.contains("memmon: getAllProcessInfo: "), "{}", played.err);
    assert_eq!(play("memmon", run, &["-a", "1"], &[], "").status, 1);
}
