//! Lines to the system's log, as datagrams to /dev/log (journald listens there too), without ever waiting.
//!
//! The form is what Python's syslog module and the C library send for the reference: facility user, priority info
//! (RFC 3164's `<14>`), local time, the daemon's name as the tag, no process id. Deliberately absent: other facilities,
//! TCP, the journal's own protocol.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use jiff::Zoned;
use model::{Level, limits};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with};
use sys::errno;
use sys::poll::{Interest, Poll};

use super::sink::Notices;

/// Facility user (1), priority info (6).
const PRIORITY: u8 = 8 + 6;
/// Where the system's log listens; the second where only journald's own name is there.
const PLACES: [&str; 2] = ["/dev/log", "/run/systemd/journal/dev-log"];
/// The tag: the name that the reference's program has.
const TAG: &str = "supervisord";

/// The connection to the system's log.
#[derive(Debug)]
pub struct Syslog {
    places: Vec<PathBuf>,
    socket: Option<OwnedFd>,
    watched: bool,
    waiting: VecDeque<Vec<u8>>,
    lost: u64,
    broken: bool,
}

impl Default for Syslog {
    fn default() -> Self {
        Self::at(PLACES.map(PathBuf::from).to_vec())
    }
}

impl Syslog {
    /// A connection to the first of these that is there; made with the first line.
    pub const fn at(places: Vec<PathBuf>) -> Self {
        Self { places, socket: None, watched: false, waiting: VecDeque::new(), lost: 0, broken: false }
    }

    /// Send each line of a text, with `prefix` before it.
    pub fn send(&mut self, at: &Zoned, prefix: &str, text: &[u8], notices: &mut Notices) {
        let end = text.iter().rposition(|&byte| byte != b'\n').map_or(0, |place| place + 1);
        let head = format!("<{PRIORITY}>{} {TAG}: {prefix}", at.strftime("%b %e %H:%M:%S"));
        for line in text.get(..end).unwrap_or_default().split(|&byte| byte == b'\n') {
            let mut message = [head.as_bytes(), line].concat();
            message.truncate(limits::SYSLOG_LINE);
            self.push(message, notices);
        }
    }

    fn push(&mut self, message: Vec<u8>, notices: &mut Notices) {
        if !self.waiting.is_empty() {
            return self.queue(message);
        }
        match self.put(&message) {
            Ok(()) => self.well(notices),
            Err(Errno::AGAIN) => self.queue(message),
            Err(error) => self.fail(error, notices),
        }
    }

    fn queue(&mut self, message: Vec<u8>) {
        if self.waiting.len() < limits::SYSLOG_BACKLOG {
            self.waiting.push_back(message);
        } else {
            self.lost += 1;
        }
    }

    /// The system's log takes lines again.
    pub fn flush(&mut self, notices: &mut Notices) {
        while let Some(message) = self.waiting.pop_front() {
            match self.put(&message) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return self.waiting.push_front(message),
                Err(error) => {
                    self.lost += self.waiting.len() as u64;
                    self.waiting.clear();
                    return self.fail(error, notices);
                }
            }
        }
        self.well(notices);
    }

    /// Send one datagram; a connection whose other side was restarted is made anew once.
    fn put(&mut self, message: &[u8]) -> Result<(), Errno> {
        for fresh in [false, true] {
            if self.socket.is_none() {
                self.socket = Some(self.connect()?);
                self.watched = false;
            }
            let Some(socket) = &self.socket else { return Err(Errno::NOTCONN) };
            match send(socket, message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::CONNREFUSED | Errno::CONNRESET | Errno::NOTCONN | Errno::PIPE) if !fresh => {
                    self.socket = None;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Errno::CONNREFUSED)
    }

    fn connect(&self) -> Result<OwnedFd, Errno> {
        let mut last = Errno::NOENT;
        for place in &self.places {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
            match connect(&socket, &SocketAddrUnix::new(place)?) {
                Ok(()) => return Ok(socket),
                Err(Errno::NOENT) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn fail(&mut self, error: Errno, notices: &mut Notices) {
        self.lost += 1;
        if !std::mem::replace(&mut self.broken, true) {
            let reason = errno::of(&error.into());
            notices.push((Level::Warn, format!("can't log to syslog: {reason}; lines for it are lost")));
        }
    }

    fn well(&mut self, notices: &mut Notices) {
        if std::mem::replace(&mut self.broken, false) || self.lost > 0 {
            let lost = std::mem::replace(&mut self.lost, 0);
            notices.push((Level::Info, format!("syslog takes lines again ({lost} lines were lost)")));
        }
    }

    /// True while lines wait.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Have the poll wait for it while lines wait, and only then.
    ///
    /// # Errors
    /// The poll is out of memory or of watches.
    pub fn watch(&mut self, poll: &Poll, token: u64) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let wanted = !self.waiting.is_empty();
        if wanted && !self.watched {
            poll.add(socket, token, Interest::Write)?;
        } else if !wanted && self.watched {
            poll.remove(socket)?;
        }
        self.watched = wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use jiff::{Timestamp, tz::TimeZone};

    use super::*;

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
        let (mut syslog, mut notices) = (Syslog::at(vec!["/nowhere".into(), place]), Vec::new());
        syslog.send(&then(), "talk ", b"first\nsecond\n\n", &mut notices);
        assert_eq!(read(&inbox), "<14>Nov  5 20:22:02 supervisord: talk first");
        assert_eq!(read(&inbox), "<14>Nov  5 20:22:02 supervisord: talk second");
        syslog.send(&then(), "", &[b'x'; 20_000], &mut notices);
        assert_eq!(read(&inbox).len(), limits::SYSLOG_LINE);
        assert!(notices.is_empty());
    }

    #[test]
    fn a_log_that_is_away_is_told_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("log");
        let (mut syslog, mut notices) = (Syslog::at(vec![place.clone()]), Vec::new());
        syslog.send(&then(), "", b"a\nb", &mut notices);
        assert_eq!(notices.len(), 1, "{notices:?}");
        let inbox = UnixDatagram::bind(&place).unwrap();
        syslog.send(&then(), "", b"c", &mut notices);
        assert!(read(&inbox).ends_with(" c"));
        assert_eq!(notices.len(), 2, "{notices:?}");
        drop(inbox);
        std::fs::remove_file(&place).unwrap();
        let inbox = UnixDatagram::bind(&place).unwrap();
        syslog.send(&then(), "", b"d", &mut notices);
        assert!(read(&inbox).ends_with(" d"), "a restart of the system's log is not noticed");
    }

    #[test]
    fn a_log_that_does_not_read_never_makes_us_wait() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("log");
        let inbox = UnixDatagram::bind(&place).unwrap();
        let (mut syslog, mut notices) = (Syslog::at(vec![place]), Vec::new());
        for _ in 0..2 * limits::SYSLOG_BACKLOG {
            syslog.send(&then(), "", b"line", &mut notices);
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
        assert_eq!(notices.len(), 1, "{notices:?}");
    }
}
