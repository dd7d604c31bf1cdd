//! Lines to the system's log without ever waiting: to the journal by its own protocol where that is there, else as
//! datagrams to /dev/log.
//!
//! The form for /dev/log is what Python's syslog module and the C library send for the reference: facility user, priority info
//! (RFC 3164's `<14>`), local time, the daemon's name as the tag, no process id. The
//! journal gets the same words with the same tag, the priority of the daemon's own lines by their level, and fields that
//! say whose a line is. Deliberately absent: other facilities, TCP.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Zoned;
use model::{Channel, Level, limits};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with};
use sys::errno;
use sys::poll::{Interest, Poll};

use super::handing::HeldLine;
use super::journal::{self, field};
use super::sink::Notices;

/// Facility user (1), priority info (6).
const PRIORITY: u8 = 8 + 6;
/// Where the journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Where else the system's log listens; the second where only journald's own name is there.
const PLACES: [&str; 2] = ["/dev/log", "/run/systemd/journal/dev-log"];
/// The tag: the name that the reference's program has.
const TAG: &str = "supervisord";

/// Whose a text is.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The daemon's own, with the level.
    Daemon(Level),
    /// A program's.
    Program {
        /// The process' name.
        process: &'a str,
        /// Its group's name.
        group: &'a str,
        /// On which it came.
        channel: Channel,
    },
}

/// A line before it is known which protocol it goes by.
#[derive(Debug)]
struct Message {
    /// Before the line, for /dev/log.
    head: Arc<str>,
    /// Beside the line, for the journal.
    fields: Arc<[u8]>,
    /// The line.
    line: Vec<u8>,
}

/// An open connection.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    /// It is the journal.
    native: bool,
}

/// The connection to the system's log.
#[derive(Debug)]
pub struct Syslog {
    journal: PathBuf,
    places: Vec<PathBuf>,
    socket: Option<Connection>,
    watched: bool,
    waiting: VecDeque<Message>,
    /// Bytes of the lines that wait.
    bytes: usize,
    lost: u64,
    broken: bool,
}

impl Default for Syslog {
    fn default() -> Self {
        Self::at(JOURNAL.into(), PLACES.map(PathBuf::from).to_vec())
    }
}

impl Syslog {
    /// A connection to the journal or the first of these that is there; made with the first line.
    pub const fn at(journal: PathBuf, places: Vec<PathBuf>) -> Self {
        Self {
            journal,
            places,
            socket: None,
            watched: false,
            waiting: VecDeque::new(),
            bytes: 0,
            lost: 0,
            broken: false,
        }
    }

    /// Send each line of a text, with `prefix` before it.
    pub fn send(&mut self, at: &Zoned, source: Source<'_>, prefix: &str, text: &[u8], notices: &mut Notices) {
        let end = text.iter().rposition(|&byte| byte != b'\n').map_or(0, |place| place + 1);
        let head: Arc<str> = format!("<{PRIORITY}>{} {TAG}: ", at.strftime("%b %e %H:%M:%S")).into();
        let fields: Arc<[u8]> = source.fields().into();
        for line in text.get(..end).unwrap_or_default().split(|&byte| byte == b'\n') {
            let mut line = [prefix.as_bytes(), line].concat();
            line.truncate(limits::JOURNAL_LINE);
            self.push(Message { head: head.clone(), fields: fields.clone(), line }, notices);
        }
    }

    fn push(&mut self, message: Message, notices: &mut Notices) {
        if !self.waiting.is_empty() {
            return self.queue(message, notices);
        }
        match self.put(&message) {
            Ok(()) => self.well(notices),
            Err(Errno::AGAIN) => self.queue(message, notices),
            Err(error) => self.fail(error, notices),
        }
    }

    fn queue(&mut self, message: Message, notices: &mut Notices) {
        if self.waiting.len() < limits::SYSLOG_BACKLOG && self.bytes + message.line.len() <= limits::SYSLOG_BYTES {
            self.bytes += message.line.len();
            self.waiting.push_back(message);
        } else {
            self.lose("it does not read", notices);
        }
    }

    /// The system's log takes lines again.
    pub fn flush(&mut self, notices: &mut Notices) {
        while let Some(message) = self.waiting.pop_front() {
            match self.put(&message) {
                Ok(()) => self.bytes -= message.line.len(),
                Err(Errno::AGAIN) => return self.waiting.push_front(message),
                Err(error) => {
                    self.lost += self.waiting.len() as u64;
                    self.waiting.clear();
                    self.bytes = 0;
                    return self.fail(error, notices);
                }
            }
        }
        self.well(notices);
    }

    /// Send one datagram; a connection whose other side was restarted is made anew once.
    fn put(&mut self, message: &Message) -> Result<(), Errno> {
        for fresh in [false, true] {
            if self.socket.is_none() {
                self.socket = Some(self.connect()?);
                self.watched = false;
            }
            let Some(connection) = &self.socket else { return Err(Errno::NOTCONN) };
            match connection.put(message) {
                Ok(()) => return Ok(()),
                Err(Errno::CONNREFUSED | Errno::CONNRESET | Errno::NOTCONN | Errno::PIPE) if !fresh => {
                    self.socket = None;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Errno::CONNREFUSED)
    }

    fn connect(&self) -> Result<Connection, Errno> {
        let mut last = Errno::NOENT;
        let native = std::iter::once((&self.journal, true));
        for (place, native) in native.chain(self.places.iter().map(|place| (place, false))) {
            match reach(place) {
                Ok(socket) => return Ok(Connection { socket, native }),
                Err(Errno::NOENT) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn fail(&mut self, error: Errno, notices: &mut Notices) {
        self.lose(&errno::of(&error.into()), notices);
    }

    fn lose(&mut self, reason: &str, notices: &mut Notices) {
        self.lost += 1;
        if !std::mem::replace(&mut self.broken, true) {
            notices.push((Level::Warn, format!("can't log to syslog: {reason}; lines for it are lost")));
        }
    }

    fn well(&mut self, notices: &mut Notices) {
        if std::mem::replace(&mut self.broken, false) || self.lost > 0 {
            let lost = std::mem::replace(&mut self.lost, 0);
            notices.push((Level::Info, format!("syslog takes lines again ({lost} lines were lost)")));
        }
    }

    /// Lines that wait, for a successor.
    pub fn so_far(&self) -> Vec<HeldLine> {
        let held = |message: &Message| HeldLine {
            head: message.head.to_string(),
            fields: message.fields.to_vec(),
            line: message.line.clone(),
        };
        self.waiting.iter().map(held).collect()
    }

    /// Go on with lines that waited under another daemon.
    pub fn resume(&mut self, lines: Vec<HeldLine>, notices: &mut Notices) {
        for HeldLine { head, fields, line } in lines {
            self.push(Message { head: head.into(), fields: fields.into(), line }, notices);
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
        let Some(Connection { socket, .. }) = &self.socket else { return Ok(()) };
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

impl Connection {
    fn put(&self, message: &Message) -> Result<(), Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        if self.native {
            let mut entry = message.fields.to_vec();
            field(&mut entry, "MESSAGE", &message.line);
            return journal::put(self.socket.as_fd(), &entry, flags);
        }
        let mut line = [message.head.as_bytes(), &message.line].concat();
        line.truncate(limits::SYSLOG_LINE);
        send(&self.socket, &line, flags).map(drop)
    }
}

impl Source<'_> {
    /// The fields of its entries in the journal. Output has priority info whatever the channel, as in the reference:
    /// many programs write all they have to say to stderr.
    fn fields(self) -> Vec<u8> {
        let mut fields = Vec::new();
        let priority = match self {
            Self::Daemon(Level::Critical) => "2",
            Self::Daemon(Level::Error) => "3",
            Self::Daemon(Level::Warn) => "4",
            Self::Daemon(Level::Info) | Self::Program { .. } => "6",
            Self::Daemon(_) => "7",
        };
        field(&mut fields, "PRIORITY", priority.as_bytes());
        field(&mut fields, "SYSLOG_FACILITY", b"1");
        field(&mut fields, "SYSLOG_IDENTIFIER", TAG.as_bytes());
        if let Self::Program { process, group, channel } = self {
            field(&mut fields, "SUPERVISOR_PROCESS", process.as_bytes());
            field(&mut fields, "SUPERVISOR_GROUP", group.as_bytes());
            field(&mut fields, "SUPERVISOR_CHANNEL", channel.name().as_bytes());
        }
        fields
    }
}

fn reach(place: &Path) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(place)?)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
