//! `[fcgi-program:x]`: a group whose processes share a socket.
//!
//! Deliberately absent: the socket itself (`sys`).

use std::sync::Arc;

use super::{Reading, View};
use crate::Problem;
use crate::python::{normalize_path, repr};
use crate::tables::fcgi::TABLE;
use crate::types::{DaemonConfig, GroupConfig, GroupKind, SocketAddress, SocketConfig, UserId};
use crate::value;

impl Reading<'_> {
    pub(super) fn fcgi_program(&self, section: &str, daemon: &DaemonConfig) -> Option<GroupConfig> {
        let name = self.name_of(section);
        let priority = View::new(self, section, &TABLE).here().value("priority", value::integer);
        let socket = self.socket_of(section, &name);
        let processes = self.processes(section, &name, daemon);
        Some(GroupConfig { name, priority, kind: GroupKind::FastCgi(socket?), processes })
    }

    /// The socket of a program that is a member of a `[group:x]`. The reference gives it a pipe, and so does not ask for a
    /// `socket=` there.
    pub(super) fn member_socket(&self, section: &str) -> Option<Arc<SocketConfig>> {
        let is_fcgi = section.starts_with("fcgi-program:");
        let written = is_fcgi && View::new(self, section, &TABLE).is_set("socket");
        if written { self.socket_of(section, &self.name_of(section)).map(Arc::new) } else { None }
    }

    fn socket_of(&self, section: &str, name: &str) -> Option<SocketConfig> {
        let view = View::new(self, section, &TABLE).here();
        let user = view.parsed("user", |text| value::user(self.host, text));
        let backlog = view.parsed("socket_backlog", backlog);
        let owner = view.parsed("socket_owner", |text| {
            value::user_group(self.host, text).map_err(|_| format!("Invalid socket_owner value {text}"))
        });
        let mode = view
            .parsed("socket_mode", |text| value::octal(text).map_err(|_| format!("Invalid socket_mode value {text}")));
        let address = self.socket(section, name, user, owner, mode);
        Some(SocketConfig { address: address?, backlog })
    }

    fn socket(
        &self,
        section: &str,
        name: &str,
        user: Option<UserId>,
        owner: Option<(u32, u32)>,
        mode: Option<u32>,
    ) -> Option<SocketAddress> {
        let view = View::new(self, section, &TABLE).here().name("program_name", name);
        let text = view.text("socket").unwrap_or_default();
        let wrong = |words: String| {
            view.fail("socket", format!("{words} in [{section}] socket"));
            None
        };
        if text.is_empty() {
            view.fail("socket", format!("[{section}] section requires a \"socket\" line"));
            return None;
        }
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return bad_format(&view, "Unix socket path %s is not an absolute path", path);
            }
            let path = normalize_path(self.host, path);
            let of_user = user.filter(|user| user.uid != self.host.uid()).map(|user| (user.uid, user.gid));
            return Some(SocketAddress::Unix { path, owner: owner.or(of_user), mode: mode.unwrap_or(0o700) });
        }
        if owner.is_some() || mode.is_some() {
            return wrong("socket_owner and socket_mode params should only be used with a Unix domain socket".into());
        }
        match value::tcp_socket(&text) {
            Some(Ok((host, port))) => Some(SocketAddress::Tcp { host, port }),
            Some(Err(words)) => wrong(words),
            None => bad_format(&view, "Bad socket format %s", &text),
        }
    }
}

/// The reference's words for these are the template and the value, as Python shows a pair.
fn bad_format<T>(view: &View<'_, '_>, template: &str, value: &str) -> Option<T> {
    let problem = view.problem("socket", template.replace("%s", value));
    let words = format!("({}, {}) in [{}] socket", repr(template), repr(value), view.section);
    view.reading.tell(Problem { words, ..problem });
    None
}

fn backlog(text: &str) -> Result<u32, String> {
    let number = value::integer(text)?;
    let good = u32::try_from(number).ok().filter(|number| (1..=65_535).contains(number));
    good.ok_or_else(|| format!("Invalid socket_backlog value {number}"))
}
