//! The system's log as a socket of the test's own.

use std::io::{IoSliceMut, Read, Seek};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;

use jiff::{Timestamp, tz::TimeZone};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::*;

const OWN: Source<'static> = Source::Daemon(Level::Info);

fn then() -> Zoned {
    Timestamp::from_second(1_793_910_122).unwrap().to_zoned(TimeZone::UTC)
}

fn read(inbox: &UnixDatagram) -> String {
    let mut buffer = [0; 9000];
    let length = inbox.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn each_line_is_a_datagram_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("log");
    let inbox = UnixDatagram::bind(&place).unwrap();
    let (mut syslog, mut notices) = (Syslog::at("/nowhere".into(), vec!["/nowhere".into(), place]), Vec::new());
    syslog.send(&then(), OWN, "talk ", b"first\nsecond\n\n", &mut notices);
    assert_eq!(read(&inbox), "<14>Nov  5 20:22:02 supervisord: talk first");
    assert_eq!(read(&inbox), "<14>Nov  5 20:22:02 supervisord: talk second");
    syslog.send(&then(), OWN, "", &[b'x'; 20_000], &mut notices);
    assert_eq!(read(&inbox).len(), limits::SYSLOG_LINE);
    assert!(notices.is_empty());
}

#[test]
fn a_log_that_is_away_is_told_once_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("log");
    let (mut syslog, mut notices) = (Syslog::at("/nowhere".into(), vec![place.clone()]), Vec::new());
    syslog.send(&then(), OWN, "", b"a\nb", &mut notices);
    assert_eq!(notices.len(), 1, "{notices:?}");
    let inbox = UnixDatagram::bind(&place).unwrap();
    syslog.send(&then(), OWN, "", b"c", &mut notices);
    assert!(read(&inbox).ends_with(" c"));
    assert_eq!(notices.len(), 2, "{notices:?}");
    drop(inbox);
    std::fs::remove_file(&place).unwrap();
    let inbox = UnixDatagram::bind(&place).unwrap();
    syslog.send(&then(), OWN, "", b"d", &mut notices);
    assert!(read(&inbox).ends_with(" d"), "a restart of the system's log is not noticed");
}

#[test]
fn a_log_that_does_not_read_never_makes_us_wait() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("log");
    let inbox = UnixDatagram::bind(&place).unwrap();
    let (mut syslog, mut notices) = (Syslog::at("/nowhere".into(), vec![place]), Vec::new());
    for _ in 0..2 * limits::SYSLOG_BACKLOG {
        syslog.send(&then(), OWN, "", b"line", &mut notices);
    }
    assert!(syslog.is_waiting() && syslog.socket.is_some());
    assert!(syslog.lost > 0);
    inbox.set_nonblocking(true).unwrap();
    let mut got = 0;
    while syslog.is_waiting() {
        while inbox.recv(&mut [0; 100]).is_ok() {
            got += 1;
        }
        syslog.flush(&mut notices);
    }
    assert!(got >= limits::SYSLOG_BACKLOG);
    assert_eq!(notices.len(), 2, "{notices:?}");
}

#[test]
fn the_journal_gets_entries_that_say_whose_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, place) = (folder.path().join("journal"), folder.path().join("log"));
    let log = UnixDatagram::bind(&place).unwrap();
    let inbox = UnixDatagram::bind(&journal).unwrap();
    let (mut syslog, mut notices) = (Syslog::at(journal.clone(), vec![place]), Vec::new());
    let program = Source::Program { process: "talk", group: "crew", channel: Channel::Stderr };
    syslog.send(&then(), program, "talk ", b"first\nsecond\n", &mut notices);
    let fields = "SYSLOG_FACILITY=1\nSYSLOG_IDENTIFIER=supervisord\n";
    let whose = "SUPERVISOR_PROCESS=talk\nSUPERVISOR_GROUP=crew\nSUPERVISOR_CHANNEL=stderr\n";
    assert_eq!(read(&inbox), format!("PRIORITY=6\n{fields}{whose}MESSAGE=talk first\n"));
    assert_eq!(read(&inbox), format!("PRIORITY=6\n{fields}{whose}MESSAGE=talk second\n"));
    syslog.send(&then(), Source::Daemon(Level::Warn), "", b"own", &mut notices);
    assert_eq!(read(&inbox), format!("PRIORITY=4\n{fields}MESSAGE=own\n"));
    // Where the journal has gone, its lines go to /dev/log.
    drop(inbox);
    std::fs::remove_file(journal).unwrap();
    syslog.send(&then(), OWN, "", b"later", &mut notices);
    assert!(read(&log).ends_with("supervisord: later"));
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn an_entry_that_no_datagram_holds_is_passed_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let inbox = UnixDatagram::bind(&journal).unwrap();
    let (mut syslog, mut notices) = (Syslog::at(journal, vec![]), Vec::new());
    let line = vec![b'x'; 800_000];
    syslog.send(&then(), OWN, "", &line, &mut notices);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut payload = [0; 16];
    let got = recvmsg(&inbox, &mut [IoSliceMut::new(&mut payload)], &mut control, RecvFlags::empty()).unwrap();
    assert_eq!(got.bytes, 0);
    let files: Vec<OwnedFd> = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => files.collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut file: std::fs::File = files.into_iter().next().unwrap().into();
    let mut entry = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut entry).unwrap();
    assert!(entry.ends_with(&[b"MESSAGE=", &line[..], b"\n"].concat()));
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn a_value_of_several_lines_has_its_length_before_it() {
    let mut entry = Vec::new();
    field(&mut entry, "A", b"x\ny");
    assert_eq!(entry, b"A\n\x03\0\0\0\0\0\0\0x\ny\n");
}
