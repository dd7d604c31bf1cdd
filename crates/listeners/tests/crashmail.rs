//! crashmail, from its events to the mails that sendmail gets.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use common::{Played, Sendmail, conversation, event, exited, play, tick};
use listeners::crashmail::run;

const UNDER_A_DAEMON: &[(&str, &str)] = &[("SUPERVISOR_SERVER_URL", "unix:///nowhere")];

fn crashmail(arguments: &[&str], events: &str) -> Played {
    play("crashmail", run, arguments, UNDER_A_DAEMON, events)
}

#[test]
fn an_unexpected_exit_is_mailed_and_others_are_not() {
    let sendmail = Sendmail::new();
    let events =
        exited("front", "shop", 0) + &exited("front", "calm", 1) + &tick() + &event("PROCESS_STATE_STOPPED", "");
    let played = crashmail(&["-a", "-s", &sendmail.command, "-m", "ops@example.com"], &events);
    assert_eq!((played.status, played.out), (1, conversation(4)));
    let mails = sendmail.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].starts_with("To: ops@example.com\nSubject:  shop crashed at 2"), "{}", mails[0]);
    assert!(mails[0].ends_with("\n\nProcess shop in group front exited unexpectedly (pid 4711) from state RUNNING"));
    assert_eq!(played.err, format!("unexpected exit, mailing\nMailed:\n\n{}", mails[0]));
}

#[test]
fn an_empty_header_is_none() {
    let sendmail = Sendmail::new();
    crashmail(&["-o", "", "-s", &sendmail.command, "-m", "x"], &exited("a", "shop", 0));
    assert!(sendmail.mails()[0].starts_with("To: x\nSubject:  shop crashed at 2"), "{}", sendmail.mails()[0]);
}

#[test]
fn a_program_that_is_not_named_is_not_mailed_about() {
    let events = exited("front", "shop", 0) + &exited("back", "shop", 0) + &exited("back", "store", 0);
    for (arguments, expected) in
        [(&["-p", "shop"][..], 2), (&["-p", "back:store", "-p", "front:shop"], 2), (&["-a", "-p", "x"], 3), (&[], 3)]
    {
        let sendmail = Sendmail::new();
        let options = [&["-m", "ops@example.com", "-s", &sendmail.command], arguments].concat();
        crashmail(&options, &events);
        assert_eq!(sendmail.mails().len(), expected, "{arguments:?}");
    }
}

#[test]
fn without_an_address_nothing_is_mailed() {
    let sendmail = Sendmail::new();
    let played = crashmail(&["-s", &sendmail.command], &exited("a", "a", 0));
    assert_eq!((played.out, sendmail.mails().len()), (conversation(1), 0));
    assert!(played.err.contains("-m"), "{}", played.err);
}

#[test]
fn a_sendmail_that_fails_is_told_and_the_event_is_still_answered() {
    for command in ["exit 75", "/nonexistent/sendmail"] {
        let played = crashmail(&["-s", command, "-m", "x"], &exited("a", "a", 0));
        assert_eq!(played.out, conversation(1));
        assert!(played.err.contains(command) && played.err.contains("may be lost"), "{}", played.err);
    }
}

#[test]
fn an_address_cannot_add_headers() {
    let sendmail = Sendmail::new();
    crashmail(&["-s", &sendmail.command, "-m", "a\nBcc: b", "-o", "c\r\nBcc: d"], &exited("a", "a", 0));
    assert_eq!(sendmail.mails()[0].lines().take_while(|line| !line.is_empty()).count(), 2);
}

#[test]
fn what_is_no_event_ends_it_with_a_word() {
    for events in ["garbage\n", "eventname:TICK_5 len:lots\n", "eventname:PROCESS_STATE_EXITED len:5\na b c"] {
        let played = crashmail(&[], events);
        assert_eq!((played.status, played.out.as_str()), (1, "READY\n"), "{events:?}");
        assert!(played.err.starts_with("crashmail: "), "{}", played.err);
    }
    let cut = crashmail(&[], "eventname:TICK_5 len:50\nwhen:1");
    assert_eq!((cut.status, cut.err.as_str()), (1, ""));
}

#[test]
fn outside_of_a_daemon_it_says_so() {
    let played = play("crashmail", run, &["-a"], &[], "");
    assert_eq!(played.err, "crashmail must be run as a supervisor event listener\n");
    assert_eq!((played.status, played.out.as_str()), (0, ""));
}
