//! Handing a mail to a server over SMTP (RFC 5321), with STARTTLS and a login where they are asked for.
//!
//! The dialogue is our own: ten lines of text go each way. A library for it (lettre, 41 crates and 283 KiB more) looks
//! names up through the C library, which a static program must not do, and has a time limit for each step instead of one
//! for the whole. As the reference's, it gives the mail to those receivers that the server takes, and fails only if it
//! takes none. Deliberately absent: CRAM-MD5, which servers offer beside a login over TLS at most.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::message::{Message, one_line};
use crate::net::{Endpoint, NetError, Stream, tls, url, within};

/// For the whole dialogue.
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of one reply.
const REPLY: usize = 64 * 1024;
const PORT: u16 = 25;

/// A mail server and what it wants to know.
#[derive(Clone, Default)]
pub struct Server {
    /// `host` or `host:port`.
    pub host: String,
    /// The user's name; nobody logs in without it and the password.
    pub user: String,
    /// The password.
    pub password: String,
    /// Speak TLS after the greeting.
    pub tls: bool,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The host's port is no number.
    #[error("{0:?} is no host:port")]
    Host(String),
    /// The server said no.
    #[error("the mail server answered {1} {2:?} to {0}")]
    Refused(&'static str, u16, String),
    /// Everybody was refused.
    #[error("the mail server takes none of the receivers: {0}")]
    Receivers(String),
    /// It cannot do what was asked for.
    #[error("the mail server does not offer {0}")]
    NotOffered(&'static str),
    /// What came is no reply.
    #[error("the mail server's answer is no SMTP: {0:?}")]
    NoReply(String),
}

impl From<std::io::Error> for SmtpError {
    fn from(error: std::io::Error) -> Self {
        Self::Net(NetError::Io(error))
    }
}

/// Give a mail to a server.
///
/// # Errors
/// The server cannot be reached, refuses, or takes longer than a minute for all of it.
pub fn send(server: &Server, message: &Message) -> Result<(), SmtpError> {
    let bad = || SmtpError::Host(server.host.clone());
    let (host, port) = url::split_port(&server.host).ok_or_else(bad)?;
    let host = if host.is_empty() { "localhost" } else { host };
    let endpoint = Endpoint::Tcp(host.to_owned(), port.unwrap_or(PORT));
    within(LIMIT, &endpoint, async |stream| deliver(stream, host, server, message).await)
}

async fn deliver(stream: Box<dyn Stream>, host: &str, server: &Server, message: &Message) -> Result<(), SmtpError> {
    let mut talk = Talk { stream, unread: Vec::new() };
    talk.answered("the connection", 220).await?;
    let mut offers = talk.greet().await?;
    let login = !server.user.is_empty() && !server.password.is_empty();
    // Without a login nothing secret is sent, so a server without TLS still gets the mail, as from the reference.
    if server.tls && (login || offers.has("STARTTLS")) {
        if !offers.has("STARTTLS") {
            return Err(SmtpError::NotOffered("STARTTLS"));
        }
        talk.say("STARTTLS", "STARTTLS", 220).await?;
        // What came before the handshake may be of somebody in between: it is forgotten.
        talk = Talk { stream: tls::over(talk.stream, host).await?, unread: Vec::new() };
        offers = talk.greet().await?;
    }
    if login {
        talk.login(&offers, server).await?;
    }
    talk.mail(message).await?;
    // The mail is taken; a server that forgets its manners now changes nothing.
    let _ = talk.say("QUIT", "QUIT", 221).await;
    Ok(())
}

/// What a server can do: the lines of its answer to EHLO.
struct Offers(String);

impl Offers {
    fn words(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines().map(|line| line.trim().split_once([' ', '=']).unwrap_or((line.trim(), "")));
        lines.find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, rest)| rest)
    }

    fn has(&self, name: &str) -> bool {
        self.words(name).is_some()
    }
}

struct Talk {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Talk {
    async fn greet(&mut self) -> Result<Offers, SmtpError> {
        let name = own_name();
        self.write(&format!("EHLO {name}\r\n")).await?;
        let (code, text) = self.reply().await?;
        if code == 250 {
            return Ok(Offers(text));
        }
        self.say("HELO", &format!("HELO {name}"), 250).await?;
        Ok(Offers(String::new()))
    }

    async fn login(&mut self, offers: &Offers, server: &Server) -> Result<(), SmtpError> {
        let offered = offers.words("AUTH").unwrap_or_default().to_ascii_uppercase();
        let offered: Vec<&str> = offered.split_whitespace().collect();
        if offered.contains(&"PLAIN") {
            let secret = STANDARD.encode(format!("\0{}\0{}", server.user, server.password));
            self.say("AUTH", &format!("AUTH PLAIN {secret}"), 235).await
        } else if offered.contains(&"LOGIN") {
            self.say("AUTH", "AUTH LOGIN", 334).await?;
            self.say("AUTH", &STANDARD.encode(&server.user), 334).await?;
            self.say("AUTH", &STANDARD.encode(&server.password), 235).await
        } else {
            Err(SmtpError::NotOffered("AUTH PLAIN or LOGIN"))
        }
    }

    async fn mail(&mut self, message: &Message) -> Result<(), SmtpError> {
        self.say("MAIL", &format!("MAIL FROM:<{}>", address(&message.from)), 250).await?;
        let mut refusals = Vec::new();
        for to in &message.to {
            match self.say("RCPT", &format!("RCPT TO:<{}>", address(to)), 250).await {
                Err(why @ SmtpError::Refused(..)) => refusals.push(why.to_string()),
                other => other?,
            }
        }
        if refusals.len() == message.to.len() {
            return Err(SmtpError::Receivers(refusals.join("; ")));
        }
        self.say("DATA", "DATA", 354).await?;
        let text = message.text().replace("\r\n.", "\r\n..");
        self.say("the mail", &format!("{text}."), 250).await
    }

    /// Say a line and expect a code; 251 («will forward») is as good as 250.
    async fn say(&mut self, what: &'static str, line: &str, code: u16) -> Result<(), SmtpError> {
        self.write(&format!("{line}\r\n")).await?;
        self.answered(what, code).await
    }

    async fn answered(&mut self, what: &'static str, code: u16) -> Result<(), SmtpError> {
        let (got, text) = self.reply().await?;
        if got == code || (code == 250 && got == 251) { Ok(()) } else { Err(SmtpError::Refused(what, got, text)) }
    }

    async fn write(&mut self, text: &str) -> Result<(), SmtpError> {
        self.stream.write_all(text.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    /// One reply: its code and its lines without it.
    async fn reply(&mut self) -> Result<(u16, String), SmtpError> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else { return Err(SmtpError::NoReply(line)) };
            text.push_str(line.get(4..).unwrap_or_default());
            if line.get(3..4) != Some("-") {
                return Ok((code, text));
            }
            text.push('\n');
            if text.len() > REPLY {
                return Err(NetError::TooLong(REPLY).into());
            }
        }
    }

    async fn line(&mut self) -> Result<String, SmtpError> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.unread.len() > REPLY {
                return Err(NetError::TooLong(REPLY).into());
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(SmtpError::NoReply(String::from_utf8_lossy(&self.unread).into_owned()));
            }
        }
    }
}

/// The bare address of `Name <address>`.
fn address(text: &str) -> String {
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(inside, _)| inside);
    one_line(inside.trim())
}

/// What we call ourselves: the host's name, or its number in the form for hosts without one.
fn own_name() -> String {
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let sound = !node.is_empty() && node.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if sound { node } else { "[127.0.0.1]".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Offers, address};

    #[test]
    fn an_address_may_have_a_name_beside_it() {
        assert_eq!(address("Me <me@example.com>"), "me@example.com");
        assert_eq!(address(" me@example.com\r\nDATA"), "me@example.com  DATA");
    }

    #[test]
    fn offers_are_found_by_their_first_word() {
        let offers = Offers("mailbox\nSIZE 1000\nauth=PLAIN\nStartTLS".into());
        assert!(offers.has("STARTTLS") && !offers.has("8BITMIME"));
        assert_eq!(offers.words("AUTH"), Some("PLAIN"));
    }
}
