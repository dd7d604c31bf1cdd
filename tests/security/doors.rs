//! Who gets in: open ports, passwords, users of the unix socket, and pages of other sites.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Daemon, Said, folder, refused, said, wait, write_config};
use super::wire::{call, exchange, free_port, get, status, tcp, unix};

/// `user:pass`
const RIGHT: &str = "Authorization: Basic dXNlcjpwYXNz\r\n";
/// `user:hunter2`
const WRONG: &str = "Authorization: Basic dXNlcjpodW50ZXIy\r\n";
/// Linux's user for nobody; any number but the test's own would do.
const STRANGER: &str = "65534";

/// CVE-2019-12105: a port without a password.
#[test]
fn an_open_port_is_told_as_critical_and_refused_where_a_password_is_required() {
    let (port, other) = (free_port(), free_port());
    let open = format!("[inet_http_server]\nport=127.0.0.1:{port}\n");
    let daemon = Daemon::start(&open);
    daemon.wait_log("CRIT Server 'inet_http_server' running without any HTTP authentication checking");
    assert!(exchange(tcp(port), &call("supervisor.getState", "", "")).contains("RUNNING"));

    let refusal = folder();
    write_config(refusal.path(), &format!("[inet_http_server]\nport=127.0.0.1:{other}\nrequire_auth=true\n"));
    let Said { status, err, .. } = refused(refusal.path());
    assert_eq!(status, 2, "{err}");
    let text = fs::read_to_string(refusal.path().join("supervisord.conf")).unwrap();
    let line = text.lines().position(|line| line == "require_auth=true").unwrap() + 1;
    let place =
        format!("{}:{line}: [inet_http_server] require_auth: ", refusal.path().join("supervisord.conf").display());
    assert!(err.contains(&place) && err.contains("add lines username=… and password=…"), "{err}");
    assert!(std::net::TcpStream::connect(("127.0.0.1", other)).is_err());

    // A daemon that is told to reload such a file goes on with what it has.
    daemon.reconfigure(&format!("{open}require_auth=true\n"));
    daemon.ctl("reload");
    daemon.wait_log("would open a port to everybody");
    wait("it serves again", || daemon.rpc("supervisor.getState").contains("RUNNING"));
}

#[test]
fn a_password_is_asked_for_at_every_address_and_never_logged() {
    let port = free_port();
    let config =
        format!("[inet_http_server]\nport=127.0.0.1:{port}\nusername=user\npassword=pass\nrequire_auth=true\n");
    let folder = folder();
    write_config(folder.path(), &format!("[supervisord]\nloglevel=blather\n{config}"));
    let daemon = Daemon::start_in(folder);
    for target in ["/", "/RPC2", "/logtail/x", "/mainlogtail", "/stylesheets/supervisor.css", "/events", "/nosuch"] {
        assert_eq!(status(&exchange(tcp(port), &get(target, ""))), 401, "{target}");
        assert_eq!(status(&exchange(tcp(port), &get(target, WRONG))), 401, "{target}");
    }
    assert_eq!(status(&exchange(tcp(port), &call("supervisor.getState", "", RIGHT))), 200);
    let log = daemon.read("supervisord.log");
    for secret in ["hunter2", "dXNlcjpodW50ZXIy", "dXNlcjpwYXNz"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(daemon.log_lines("without any HTTP authentication checking").iter().all(|line| line.contains("unix")));
}

#[test]
fn who_guesses_passwords_waits_longer_each_time_and_nobody_else_does() {
    let port = free_port();
    let guarded = "username=user\npassword=pass\n";
    let daemon = Daemon::start(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{guarded}"));
    let guess = || {
        let begun = Instant::now();
        assert_eq!(status(&exchange(tcp(port), &call("supervisor.getState", "", WRONG))), 401);
        begun.elapsed()
    };
    let times: Vec<Duration> = (0..9).map(|_| guess()).collect();
    assert!(times[8] >= Duration::from_millis(700), "{times:?}");
    // Guessing side by side gains nothing, and does not hold up a user of the unix socket.
    let crowd: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = tcp(port);
            std::io::Write::write_all(&mut stream, &call("supervisor.getState", "", WRONG)).unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    assert!(daemon.rpc("supervisor.getState").contains("RUNNING"));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // Those that wait would be answered in half a minute; the others have been refused.
    let answered = crowd.into_iter().filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        true
    });
    let refusals = answered.map(|stream| status(&exchange(stream, b""))).filter(|&status| status == 429).count();
    assert!(refusals >= 20, "only {refusals} of 40 guesses were refused");
}

/// Runs supervisorctl as another user, or says why it cannot.
fn ctl_as(uid: &str, daemon: &Daemon, words: &str) -> Option<Said> {
    if !Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
        eprintln!("skipped: only root can act as another user");
        return None;
    }
    // The build's own folder may be closed to others.
    let program = daemon.path("ctl");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_supervisorctl"), &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", uid, "--regid", uid, "--clear-groups"]).arg(program).arg("-c");
    command.arg(daemon.path("supervisord.conf")).args(words.split(' ')).current_dir("/").stdin(Stdio::null());
    Some(said(command))
}

fn start_for_all(config: &str) -> Daemon {
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write_config(folder.path(), config);
    let mut command = super::harness::supervisord(folder.path());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let socket = folder.path().join("s.sock");
    let daemon = Daemon::launch(command, folder);
    wait("the daemon listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    daemon
}

const PROGRAM: &str = "[program:cat]\ncommand=/bin/cat\nautostart=false\n";

#[test]
fn a_listed_user_needs_no_password_and_everybody_else_does() {
    let section = format!("[unix_http_server]\nchmod=0777\nallow_users={STRANGER}\nusername=user\npassword=pass\n");
    let daemon = start_for_all(&format!("{section}{PROGRAM}"));
    let Some(listed) = ctl_as(STRANGER, &daemon, "status") else { return };
    assert!(listed.out.contains("STOPPED"), "{listed:?}");
    // Another number, and root itself, are asked.
    let other = ctl_as("4321", &daemon, "status").unwrap();
    assert!(!other.out.contains("STOPPED") && other.status != 0, "{other:?}");
    let own = exchange(unix(&daemon.path("s.sock")), &call("supervisor.getState", "", ""));
    assert_eq!(status(&own), 401);
    for by in [ctl_as("4321", &daemon, "-u user -p pass status").unwrap(), daemon.ctl("-u user -p pass status")] {
        assert!(by.out.contains("STOPPED"), "{by:?}");
    }
    let log = daemon.read("supervisord.log");
    assert!(!log.contains("without any HTTP authentication checking"), "{log}");
}

#[test]
fn without_a_password_who_is_not_listed_is_refused() {
    let daemon = start_for_all(&format!("[unix_http_server]\nchmod=0777\nallow_users={STRANGER}\n{PROGRAM}"));
    let Some(listed) = ctl_as(STRANGER, &daemon, "status") else { return };
    assert!(listed.out.contains("STOPPED"), "{listed:?}");
    for target in ["/RPC2", "/", "/logtail/cat", "/nosuch"] {
        let answer = exchange(unix(&daemon.path("s.sock")), &get(target, RIGHT));
        assert_eq!((status(&answer), answer.contains("allow_users")), (403, true), "{target}: {answer}");
    }
    let other = ctl_as("4321", &daemon, "status").unwrap();
    assert!(other.status != 0 && other.out.contains("403"), "{other:?}");
    assert!(daemon.log_lines("without any HTTP authentication checking").is_empty());
}

#[test]
fn the_mode_of_the_socket_file_decides_before_any_list() {
    let daemon = start_for_all(&format!("[unix_http_server]\nallow_users={STRANGER},0\n{PROGRAM}"));
    let mode = Path::new(&daemon.path("s.sock")).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(daemon.ctl_out("status").contains("STOPPED"));
    let Some(listed) = ctl_as(STRANGER, &daemon, "status") else { return };
    assert!(!listed.out.contains("STOPPED") && listed.status != 0, "{listed:?}");
}

#[test]
fn a_page_of_another_site_changes_nothing_and_a_name_that_was_bent_here_reads_nothing() {
    let port = free_port();
    let daemon = Daemon::start(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{PROGRAM}"));
    let name = "<param><value>cat</value></param>";
    for headers in
        ["Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n", "Referer: http://evil.example/\r\n"]
    {
        let answer = exchange(tcp(port), &call("supervisor.startProcess", name, headers));
        assert_eq!(status(&answer), 403, "{headers}: {answer}");
        assert_eq!(status(&exchange(tcp(port), &get("/?action=start&processname=cat", headers))), 403, "{headers}");
    }
    let bent = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(tcp(port), bent.as_bytes())), 403);
    assert_eq!(daemon.state("cat"), "STOPPED");
}
