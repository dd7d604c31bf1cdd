//! The batch mailers, from their events to a mail server.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::{Arc, Mutex};

use common::{Mailbox, Played, conversation, event, exited, play, tick};
use listeners::batch::Mailer;
use listeners::mailers::{CRASHMAILBATCH, CRASHSMS, FATALMAILBATCH};

const UNDER_A_DAEMON: &[(&str, &str)] = &[("SUPERVISOR_SERVER_URL", "unix:///nowhere")];
const ADDRESSES: [&str; 4] = ["-t", "you@example.com, them@example.com", "-f", "Me <me@example.com>"];

fn crash(arguments: &[&str], events: &str) -> Played {
    let arguments = [&ADDRESSES, arguments].concat();
    mail(&CRASHMAILBATCH, &arguments, events)
}

fn mail(mailer: &'static Mailer, arguments: &[&str], events: &str) -> Played {
    play(mailer.program, |stage| mailer.run(stage), arguments, UNDER_A_DAEMON, events)
}

fn taken(said: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    std::mem::take(&mut said.lock().unwrap())
}

#[test]
fn the_crashes_of_an_interval_come_in_one_mail() {
    let (host, said) = Mailbox::open(&[]);
    let events = exited("shop", "one", 0) + &exited("shop", "calm", 1) + &tick() + &exited("two", "two", 0) + &tick();
    let played = crash(&["-H", &host, "-i", "2"], &(events + &tick() + &tick()));
    assert_eq!(played.out, conversation(7));
    let said = taken(&said);
    let envelope: Vec<&String> = said.iter().filter(|line| line.contains('<') && !line.contains(": ")).collect();
    assert_eq!(envelope, ["MAIL FROM:<me@example.com>", "RCPT TO:<you@example.com>", "RCPT TO:<them@example.com>"]);
    assert!(said.contains(&"Subject: Crash alert from supervisord".to_owned()), "{said:?}");
    assert_eq!(said.iter().filter(|line| line.ends_with(" died unexpectedly")).count(), 2);
    assert!(said.iter().any(|line| line.contains(" -- Process shop:one (pid 4711) died unexpectedly")));
    assert_eq!(said.last().unwrap(), "QUIT");
    assert!(
        played.err.contains("Sending notification email:\nTo: you@example.com, them@example.com\n"),
        "{}",
        played.err
    );
}

#[test]
fn each_mailer_has_its_event_and_its_words() {
    let (host, said) = Mailbox::open(&[]);
    let fatal = event("PROCESS_STATE_FATAL", "processname:one groupname:shop from_state:BACKOFF");
    let events = exited("shop", "two", 0) + &fatal + &tick();
    let arguments = [&ADDRESSES[..], &["-H", &host]].concat();
    mail(&FATALMAILBATCH, &arguments, &events);
    let lines = taken(&said).join("\n");
    assert!(lines.contains("Subject: Fatal start alert from supervisord"), "{lines}");
    assert!(lines.contains("Process shop:one failed to start too many times") && !lines.contains("two"), "{lines}");
    let played = mail(&CRASHSMS, &arguments, &events);
    let lines = taken(&said).join("\n");
    assert!(lines.contains("[shop:two](4711) exited unexpectedly") && !lines.contains("Subject:"), "{lines}");
    assert!(played.err.contains("Subject: None\n"), "{}", played.err);
}

#[test]
fn a_login_takes_the_way_that_the_server_offers() {
    let login = ["-u", "me", "-p", "secret"];
    let (host, said) = Mailbox::open(&[("EHLO", "250-box\r\n250 AUTH LOGIN PLAIN"), ("AUTH", "235 welcome")]);
    crash(&[&login[..], &["-H", &host]].concat(), &(exited("a", "a", 0) + &tick()));
    assert!(taken(&said).contains(&"AUTH PLAIN AG1lAHNlY3JldA==".to_owned()));
    let (host, said) = Mailbox::open(&[
        ("EHLO", "250-box\r\n250 AUTH LOGIN"),
        ("AUTH", "334 VXNlcm5hbWU6"),
        ("bWU=", "334 UGFzc3dvcmQ6"),
        ("c2VjcmV0", "235 welcome"),
    ]);
    crash(&[&login[..], &["-H", &host]].concat(), &(exited("a", "a", 0) + &tick()));
    assert_eq!(taken(&said).last().unwrap(), "QUIT");
}

#[test]
fn with_tls_a_password_is_never_sent_in_the_open() {
    let login = ["-u", "me", "-p", "secret", "--tls"];
    let (host, said) = Mailbox::open(&[("EHLO", "250-box\r\n250-STARTTLS\r\n250 AUTH PLAIN"), ("AUTH", "235 welcome")]);
    let played = crash(&[&login[..], &["-H", &host]].concat(), &(exited("a", "a", 0) + &tick()));
    assert!(!played.err.contains("Error"), "{}", played.err);
    let verbs: Vec<String> = taken(&said).iter().map(|line| line.chars().take(4).collect()).collect();
    assert_eq!(verbs[..4], ["EHLO", "STAR", "EHLO", "AUTH"]);
    let (host, said) = Mailbox::open(&[("EHLO", "250-box\r\n250 AUTH PLAIN")]);
    let played = crash(&[&login[..], &["-H", &host]].concat(), &(exited("a", "a", 0) + &tick()));
    assert!(played.err.contains("Error sending email: the mail server does not offer STARTTLS\n"), "{}", played.err);
    assert!(!taken(&said).iter().any(|line| line.starts_with("AUTH")));
}

#[test]
fn a_mail_that_is_not_taken_is_told_and_dropped() {
    let events = exited("a", "a", 0) + &tick() + &tick();
    let (host, said) = Mailbox::open(&[("RCPT", "550 no such user")]);
    let played = crash(&["-H", &host], &events);
    assert!(
        played.err.contains("Error sending email: ") && played.err.contains("550 \"no such user\""),
        "{}",
        played.err
    );
    assert_eq!((played.out, taken(&said).iter().filter(|line| line.starts_with("MAIL")).count()), (conversation(3), 1));
    for (host, words) in [
        ("127.0.0.1:1", "email: [Errno 111] Connection refused\n"),
        ("127.0.0.1:x", "host:port"),
        ("no-such.invalid", "no-such.invalid"),
    ] {
        let played = crash(&["-H", host], &events);
        assert!(played.err.contains("Error sending email: ") && played.err.contains(words), "{}", played.err);
        assert_eq!(played.out, conversation(3));
    }
}

#[test]
fn one_receiver_that_is_refused_does_not_cost_the_others_their_mail() {
    let (host, said) = Mailbox::open(&[("RCPT TO:<you", "550 no such user")]);
    let played = crash(&["-H", &host], &(exited("a", "a", 0) + &tick()));
    assert!(!played.err.contains("Error"), "{}", played.err);
    assert!(taken(&said).contains(&".".to_owned()));
}

#[test]
fn a_server_that_speaks_no_smtp_is_named() {
    let host = format!("127.0.0.1:{}", common::server(|mut stream| common::respond(&mut stream, "400 Bad", b"")));
    let played = crash(&["-H", &host], &(exited("a", "a", 0) + &tick()));
    assert!(played.err.contains("no SMTP: \"HTTP/1.1 400 Bad\""), "{}", played.err);
}

#[test]
fn bad_options_and_missing_addresses_have_their_statuses() {
    for (arguments, status, words) in [
        (&["-t", "a"][..], 1, "--fromEmail"),
        (&["--bogus"], 2, "no such option: --bogus"),
        (&["-i", "often"], 2, "option -i: invalid floating-point value: 'often'"),
        (&["-t", "a", "-f", "b", "-e", "TOCK_5"], 1, "Invalid TICK event name: TOCK_5"),
        (&["-h"], 0, "--smtpHost"),
    ] {
        let played = mail(&CRASHSMS, arguments, "");
        assert_eq!(played.status, status, "{arguments:?}");
        assert!((played.out + &played.err).contains(words), "{arguments:?}");
    }
}
