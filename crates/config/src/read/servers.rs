//! `[inet_http_server]` and `[unix_http_server]`, and further ones of such names.
//!
//! Deliberately absent: listening (the daemon's front).

use super::{Reading, View};
use crate::Problem;
use crate::python::{normalize_path, strip};
use crate::tables::server::{INET, UNIX};
use crate::types::{ServerAddress, ServerConfig};
use crate::value;

/// What children are told as the daemon's address: a unix socket first, then a port.
pub(super) fn default_url(servers: &[ServerConfig]) -> Option<String> {
    let unix = servers.iter().find_map(|server| match &server.address {
        ServerAddress::Unix { file, .. } => Some(format!("unix://{}", file.display())),
        ServerAddress::Tcp { .. } => None,
    });
    unix.or_else(|| {
        servers.iter().find_map(|server| match &server.address {
            ServerAddress::Tcp { host, port } if host.is_empty() => Some(format!("http://localhost:{port}")),
            ServerAddress::Tcp { host, port } => Some(format!("http://{host}:{port}")),
            ServerAddress::Unix { .. } => None,
        })
    })
}

impl Reading<'_> {
    pub(super) fn servers(&self) -> Vec<ServerConfig> {
        let inet = self.sections_with("inet_http_server").into_iter().filter_map(|section| self.inet(section));
        let mut servers: Vec<_> = inet.collect();
        servers.extend(self.sections_with("unix_http_server").into_iter().filter_map(|section| self.unix(section)));
        servers
    }

    fn inet(&self, section: String) -> Option<ServerConfig> {
        let view = View::new(self, &section, &INET);
        let credentials = credentials(&view);
        if !view.is_set("port") {
            view.fail_hinted(
                "port",
                format!("section [{section}] has no port value"),
                "add a line port=127.0.0.1:9001",
            );
        }
        if view.value("require_auth", value::boolean) && credentials.is_none() {
            view.fail_hinted(
                "require_auth",
                format!("section [{section}] would open a port to everybody: it has no username and password"),
                "add lines username=… and password=…, or remove the section",
            );
        }
        let (host, port) = view.parsed("port", value::inet_address)?;
        Some(ServerConfig { section, address: ServerAddress::Tcp { host, port }, credentials, allow_users: Vec::new() })
    }

    fn unix(&self, section: String) -> Option<ServerConfig> {
        let view = View::new(self, &section, &UNIX);
        if !view.is_set("file") {
            let words = format!("section [{section}] has no file value");
            view.fail_hinted("file", words, "add a line file=/run/supervisor.sock");
        }
        let file = View::new(self, &section, &UNIX).here().text("file");
        let credentials = credentials(&view);
        let chown = view.parsed("chown", |text| {
            value::user_group(self.host, text).map_err(|_| format!("Invalid sockchown value {text}"))
        });
        let chmod = view.value("chmod", |text| value::octal(text).map_err(|_| format!("Invalid chmod value {text}")));
        let allow_users = view.value("allow_users", |text| value::users(self.host, text));
        if view.value("require_auth", value::boolean) && credentials.is_none() && !view.is_set("allow_users") {
            view.fail_hinted(
                "require_auth",
                format!("section [{section}] has no username and password, and no allow_users"),
                "add lines username=… and password=…, or a line allow_users=…",
            );
        }
        let owner = chown.map_or_else(|| self.socket_owner(), |(uid, _)| uid);
        // Others must be able to write to the file to reach the socket.
        if chmod & 0o022 == 0 && allow_users.iter().any(|&uid| uid != owner && uid != 0) {
            let text = format!("the socket file has mode {chmod:04o}: only its owner can reach it, whoever is allowed");
            self.doubt(Problem { hint: Some("add a line chmod=0777".into()), ..view.problem("allow_users", text) });
        }
        let file = normalize_path(self.host, strip(&file?));
        let address = ServerAddress::Unix { file, chmod, chown };
        Some(ServerConfig { section, address, credentials, allow_users })
    }
}

impl Reading<'_> {
    /// Who makes the socket file: the user of `[supervisord]`, else whoever starts the daemon.
    fn socket_owner(&self) -> u32 {
        let user = self.document.setting("supervisord", "user");
        user.and_then(|setting| value::user(self.host, &setting.value).ok())
            .map_or_else(|| self.host.uid(), |user| user.uid)
    }
}

fn credentials(view: &View<'_, '_>) -> Option<(String, String)> {
    let (username, password) = (view.text("username"), view.text("password"));
    if view.is_set("username") != view.is_set("password") {
        let words = format!(
            "Section [{}] contains incomplete authentication: If a username or a password is specified, both the \
             username and password must be specified",
            view.section
        );
        let missing = if view.is_set("username") { "password" } else { "username" };
        view.fail_hinted(missing, words, &format!("add a line {missing}=…"));
    }
    // An empty name is as good as none, as in the reference.
    username.zip(password).filter(|(username, _)| !username.is_empty())
}
