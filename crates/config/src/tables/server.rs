//! `[unix_http_server]` and `[inet_http_server]`.

use super::{Directive, Kind, Table, Update};

const USERNAME: Directive = Directive::new("username", Kind::Text, "name that clients must give; default: none")
    .on_update(Update::Nothing)
    .commented("user")
    .doc("The name that clients must give. It needs a `password`.", "admin");
const PASSWORD: Directive = Directive::new("password", Kind::Text, "password that clients must give; default: none")
    .on_update(Update::Nothing)
    .commented("123")
    .doc(
        "The password that clients must give: as it is, or `{SHA}` and its SHA-1 in hexadecimal digits. It needs a \
         `username`. Let nobody else read the file.",
        "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d",
    );

/// `[unix_http_server]`.
pub static UNIX: Table = Table {
    section: "unix_http_server",
    doc: "A server for clients on this machine, on a socket file.",
    rows: &[
        Directive::new("file", Kind::Path, "the socket file")
            .required()
            .on_update(Update::Nothing)
            .shown("/tmp/supervisor.sock")
            .doc("The path of the socket.", "/run/supervisor.sock"),
        Directive::new("chmod", Kind::Octal, "mode of the socket file")
            .default("0700")
            .on_update(Update::Nothing)
            .commented("0700")
            .doc("The mode of the socket file: who may write to it may command the daemon.", "0770"),
        Directive::new("chown", Kind::UserGroup, "owner of the socket file; default: supervisord's")
            .on_update(Update::Nothing)
            .commented("nobody:nogroup")
            .doc("The owner of the socket file.", "root:admin"),
        USERNAME,
        PASSWORD,
        Directive::new("allow_users", Kind::Users, "users who need no password; default: none")
            .on_update(Update::Nothing)
            .doc(
                "Users of this machine who may command the daemon without a password; the kernel tells who they are. Everybody \
                 else must give the `username` and `password`, and is refused where none are set; that holds for root and for \
                 supervisord's own user, too, unless they are listed. The `chmod` and `chown` of the socket file still decide who \
                 can reach the socket at all: for users other than its owner set `chmod=0777`, or `0770` and a group.",
                "root,deploy",
            ),
        Directive::new("require_auth", Kind::Boolean, "refuse to start without a password or allow_users")
            .default("false")
            .on_update(Update::Nothing)
            .doc(
                "Whether supervisord refuses to start when this section has neither `username` and `password` nor `allow_users`. \
                 Otherwise the mode of the socket file is the only guard, and the log says so.",
                "true",
            ),
    ],
    open: false,
};

/// `[inet_http_server]`.
pub static INET: Table = Table {
    section: "inet_http_server",
    doc: "A server for clients on the network and for the web page. Who reaches it may run commands: bind it to localhost \
          and set a password.",
    rows: &[
        Directive::new("port", Kind::Address, "address and port, *:port for all interfaces")
            .required()
            .on_update(Update::Nothing)
            .commented("127.0.0.1:9001")
            .doc("The address and port to listen on.", "127.0.0.1:9001"),
        USERNAME,
        PASSWORD,
        Directive::new("require_auth", Kind::Boolean, "no start without the two lines above")
            .default("false")
            .on_update(Update::Nothing)
            .ours("true")
            .doc(
                "Whether supervisord refuses to start (and to `reload`) when this section has no `username` and `password`. Set it \
                 in every file of yours: a port that anybody may use is then an error with its line, and not only a line of the \
                 log.",
                "true",
            ),
    ],
    open: false,
};
