//! What a reading tells: all errors with their places, doubts about what is allowed, includes, and what an update changes.
//!
//! Deliberately absent: single values (beside their types) and the reference's own readings (reference.rs).

#![allow(clippy::unwrap_used)]

mod host;

use std::path::Path;

use config::{Config, Flags, Problem, Report, check, diff, load, load_ctl};
use host::FakeHost;
use model::Level;
use proptest::prelude::*;

const FILE: &str = "/etc/supervisord.conf";

fn report(files: &[(&str, &str)]) -> Report {
    check(&FakeHost::with(files), Path::new(FILE), &Flags::default())
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn warnings(text: &str) -> Vec<String> {
    let report = report(&[(FILE, text)]);
    assert_eq!(report.errors, [], "{text}");
    lines(&report.warnings)
}

fn config(text: &str) -> Config {
    load(&FakeHost::with(&[(FILE, text)]), Path::new(FILE), &Flags::default()).unwrap()
}

#[test]
fn all_errors_are_told_at_once_with_their_places() {
    let text = "[supervisord]\nminfds=lots\nloglevel = loud\n[program:web]\ncommand=/bin/cat\nstartsecs=soon\n\
                autostart=maybe\n[group:g]\nprograms=web,wob\n[inet_http_server]\nusername=u\nport=0\n";
    let report = report(&[(FILE, text)]);
    assert_eq!(
        lines(&report.errors),
        [
            "/etc/supervisord.conf:2: [supervisord] minfds: invalid literal for int() with base 10: 'lots' (a whole number, such as 10)",
            "/etc/supervisord.conf:3: [supervisord] loglevel: bad logging level name 'loud' (critical, error, warn, info, debug, trace or blather)",
            "/etc/supervisord.conf:7: [program:web] autostart: not a valid boolean value: 'maybe' (true, yes, on, 1 or false, no, off, 0)",
            "/etc/supervisord.conf:6: [program:web] startsecs: invalid literal for int() with base 10: 'soon' (a whole number, such as 10)",
            "/etc/supervisord.conf:9: [group:g] programs: [group:g] names unknown program or fcgi-program wob (did you mean web?)",
            "/etc/supervisord.conf:10: [inet_http_server] password: Section [inet_http_server] contains incomplete authentication: \
             If a username or a password is specified, both the username and password must be specified (add a line password=…)",
            "/etc/supervisord.conf:12: [inet_http_server] port: not a valid port number: '0'  (host:port, *:port or a port from 1 to 65535)",
        ]
    );
    assert_eq!(report.errors[0].words(), "invalid literal for int() with base 10: 'lots'");
    assert_eq!(
        report.errors[2].words(),
        "not a valid boolean value: 'maybe' in section 'program:web' (file: '/etc/supervisord.conf')"
    );
}

#[test]
fn the_references_words_are_kept_where_they_are_odd() {
    for (text, words) in [
        (
            "[program:a]\ncommand=/bin/cat\n[group:g]\nprograms=a,b\n",
            "[program:a] names unknown program or fcgi-program b",
        ),
        ("[fcgi-program:f]\ncommand=/bin/cat\nsocket=x\n", "('Bad socket format %s', 'x') in [fcgi-program:f] socket"),
        (
            "[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://x\n",
            "('Unix socket path %s is not an absolute path', 'x') in [fcgi-program:f] socket",
        ),
    ] {
        assert_eq!(report(&[(FILE, &format!("[supervisord]\n{text}"))]).errors[0].words(), words);
    }
}

#[test]
fn an_empty_username_asks_for_no_password() {
    let server = |lines: &str| {
        config(&format!("[supervisord]\n[inet_http_server]\nport=9001\n{lines}")).servers[0].credentials.clone()
    };
    assert_eq!(server("username=\npassword=\n"), None);
    assert_eq!(server("username=u\npassword=\n"), Some(("u".into(), String::new())));
}

#[test]
fn a_mistake_in_every_copy_is_told_once() {
    let text = "[supervisord]\n[program:w]\ncommand=/bin/echo %(nope)s\nnumprocs=50\nprocess_name=%(process_num)d\n";
    assert_eq!(report(&[(FILE, text)]).errors.len(), 1);
}

#[test]
fn malformed_lines_do_not_hide_wrong_values() {
    let text = "[supervisord]\nnodaemon\nminfds=lots\n";
    let errors = report(&[(FILE, text)]).errors;
    assert_eq!(errors.len(), 2);
    assert_eq!(
        errors[0].words(),
        "Source contains parsing errors: '/etc/supervisord.conf'\n\t[line  2]: 'nodaemon\\n'"
    );
}

#[test]
fn a_file_that_is_missing_or_empty_is_refused_in_the_references_words() {
    for (files, words) in [
        (&[][..], "could not find config file /etc/supervisord.conf"),
        (&[(FILE, "")][..], ".ini file does not include supervisord section"),
        (
            &[(FILE, "\u{feff}[supervisord]\n")][..],
            "File contains no section headers.\nfile: '/etc/supervisord.conf', line: 1\n'\\ufeff[supervisord]\\n'",
        ),
    ] {
        assert_eq!(report(files).errors[0].words(), words);
    }
}

#[test]
fn python_plugins_are_refused_and_the_message_says_what_to_do() {
    for (section, words) in [
        (
            "[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make\n",
            "supervisor_twiddler.rpcinterface:make cannot be resolved within [rpcinterface:twiddler]",
        ),
        (
            "[rpcinterface:x]\nretries=1\n",
            "section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory",
        ),
        (
            "[eventlistener:l]\ncommand=/bin/cat\nevents=EVENT\nresult_handler=my.module:judge\n",
            "my.module:judge cannot be resolved within [eventlistener:l]",
        ),
    ] {
        let errors = report(&[(FILE, &format!("[supervisord]\n{section}"))]).errors;
        assert_eq!(errors[0].words(), words);
        assert!(errors[0].hint.is_some());
    }
}

#[test]
fn what_the_reference_swallows_is_doubted() {
    for (text, said) in [
        (
            "autorestrat=true",
            "autorestrat: no option of this name is known: it is left out (did you mean autorestart?)",
        ),
        (
            "priority=1\npriority=2",
            "priority: the option is given twice, first at /etc/supervisord.conf:5: the last one wins",
        ),
        ("command=sh -c \"a ; b\"", "command: a comment cuts it inside quotes"),
        ("command=/bin/cat $HOME/x", "command: no shell runs it: $HOME/x is not expanded"),
        ("command=cat a | wc", "command: no shell runs it: | is given"),
        ("command=~/run", "command: no shell runs it: ~/run is not expanded"),
        ("command=date +%s", "command: %s without a name"),
        ("directory=srv", "directory: a relative path depends"),
        ("directory=/no/such", "directory: there is no directory /no/such"),
        ("directory=~/x", "directory: ~ is not expanded here"),
        ("stdout_logfile=out.log", "stdout_logfile: a relative path depends"),
        ("user=4242", "user: no account has the number 4242"),
        ("environment=A=a b", "environment: b is dropped"),
    ] {
        let found = warnings(&format!("[supervisord]\n[program:x]\ncommand=/bin/cat\nautostart=true\n{text}\n"));
        assert!(found.iter().any(|line| line.contains(&format!("[program:x] {said}"))), "{text}: {found:?}");
    }
    let found = warnings("[supervisord]\n[programm:x]\n[program:y]\ncommand=/bin/cat\n[program:y]\nstartsecs=3\n");
    assert!(found.iter().any(|line| line.contains("(did you mean [program:x]?)")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("the section is written twice, first at /etc/supervisord.conf:3")));
}

#[test]
fn a_password_that_everybody_can_read_is_doubted() {
    let text = "[supervisord]\n[inet_http_server]\nport=9001\nusername=u\npassword=p\n";
    let mut host = FakeHost::with(&[(FILE, text)]);
    let doubted = |host: &FakeHost| {
        let report = check(host, Path::new(FILE), &Flags::default());
        lines(&report.warnings).iter().any(|line| line.contains("everybody on this machine can read"))
    };
    assert!(!doubted(&host));
    host.mode = 0o644;
    assert!(doubted(&host));
}

#[test]
fn a_sound_file_raises_no_doubt() {
    let text = "[unix_http_server]\nfile=/tmp/s.sock ; comment\n[supervisord]\nlogfile=/tmp/s.log\n[rpcinterface:supervisor]\n\
                supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\n\
                serverurl=unix:///tmp/s.sock\n[program:x]\ncommand=/bin/sh -c \"echo $HOME; exec cat\" ; a shell\n\
                directory=/tmp\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nuser=nobody\n";
    assert_eq!(warnings(text), [""; 0]);
}

#[test]
fn the_sample_is_good_and_raises_no_doubt() {
    let report = report(&[(FILE, &config::sample())]);
    assert_eq!((report.errors, report.warnings), (vec![], vec![]));
}

#[test]
fn an_open_port_is_an_error_where_a_password_is_required() {
    let open = "[supervisord]\n[inet_http_server]\nport=9001\nrequire_auth=true\n[unix_http_server]\nfile=/tmp/s\nrequire_auth=on\n";
    assert_eq!(
        lines(&report(&[(FILE, open)]).errors),
        [
            "/etc/supervisord.conf:4: [inet_http_server] require_auth: section [inet_http_server] would open a port to \
             everybody: it has no username and password (add lines username=… and password=…, or remove the section)",
            "/etc/supervisord.conf:7: [unix_http_server] require_auth: section [unix_http_server] has no username and \
             password, and no allow_users (add lines username=… and password=…, or a line allow_users=…)",
        ]
    );
    let word = "username=u\npassword=p\n";
    let closed = "[supervisord]\n[inet_http_server]\nport=9001\nrequire_auth=true\n";
    assert_eq!(config(&format!("{closed}{word}")).servers.len(), 1);
    assert_eq!(config(&closed.replace("=true", "=false")).servers[0].credentials, None);
    let wrong = report(&[(FILE, &closed.replace("=true", "=perhaps"))]);
    assert!(
        lines(&wrong.errors)[0].contains(":4: [inet_http_server] require_auth: not a valid boolean value: 'perhaps'")
    );
}

#[test]
fn users_of_a_socket_are_names_or_numbers_that_exist() {
    let text = |users: &str| {
        format!("[supervisord]\n[unix_http_server]\nfile=/tmp/s\nchmod=0777\nrequire_auth=true\nallow_users={users}\n")
    };
    assert_eq!(config(&text("root, nobody,4321")).servers[0].allow_users, [0, 65534, 4321]);
    for (users, words) in [
        ("root,no-such-user", "Invalid user name no-such-user"),
        (",", "no user is named"),
        ("-1", "Invalid user id -1"),
    ] {
        let said = lines(&report(&[(FILE, &text(users))]).errors);
        let wanted = format!(
            "/etc/supervisord.conf:6: [unix_http_server] allow_users: {words} (users' names or numbers with commas between, \
             such as deploy,1000)"
        );
        assert_eq!(said, [wanted]);
    }
}

#[test]
fn a_user_who_cannot_reach_the_socket_that_he_may_use_is_a_doubt() {
    let text = "[supervisord]\n[unix_http_server]\nfile=/tmp/s\nallow_users=nobody\n[rpcinterface:supervisor]\n\
                supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";
    assert_eq!(
        warnings(text),
        [
            "/etc/supervisord.conf:4: [unix_http_server] allow_users: the socket file has mode 0700: only its owner can reach \
          it, whoever is allowed (add a line chmod=0777)"
        ]
    );
    for good in ["allow_users=nobody\nchmod=0777", "allow_users=root", "allow_users=nobody\nchown=nobody"] {
        assert_eq!(warnings(&text.replace("allow_users=nobody", good)), [""; 0], "{good}");
    }
}

#[test]
fn the_log_is_told_warnings_before_infos() {
    let text = "[supervisord]\n[include]\nfiles=conf.d/*.conf none/*.conf\n[program:x]\ncommand=/bin/cat\nfoo=1\nstdout_logfile_maxbytes=0\n";
    let host = FakeHost::with(&[(FILE, text), ("/etc/conf.d/a.conf", "[program:a]\ncommand=%(here)s/a\n")]);
    let config = load(&host, Path::new(FILE), &Flags::default()).unwrap();
    let levels: Vec<Level> = config.messages.iter().map(|message| message.level).collect();
    assert_eq!(levels, [Level::Warn, Level::Warn, Level::Warn, Level::Info]);
    assert_eq!(config.messages[0].text, "No file matches via include \"/etc/none/*.conf\"");
    assert!(config.messages[2].text.contains("no option of this name"));
    assert_eq!(config.messages[3].text, "Included extra file \"/etc/conf.d/a.conf\" during parsing");
    assert_eq!(config.groups[0].processes[0].command, "/etc/conf.d/a");
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let main = (FILE, "[supervisord]\n[include]\nfiles=conf.d/*.conf\n");
    let said = |text: &str| report(&[main, ("/etc/conf.d/bad.conf", text)]).errors[0].words().to_owned();
    let value = said("[program:x]\ncommand=/bin/cat\nstartsecs=soon\n");
    assert!(value.ends_with("'soon' in section 'program:x' (file: '/etc/conf.d/bad.conf')"), "{value}");
    assert!(said("no section\n").contains("file: '/etc/conf.d/bad.conf', line: 1"));
}

#[test]
fn flags_win_over_the_file() {
    let host = FakeHost::with(&[(FILE, "[supervisord]\nloglevel=warn\nidentifier=file\nlogfile=NONE\n")]);
    let flags =
        Flags { loglevel: Some(Level::Debug), identifier: Some("flag".into()), nodaemon: true, ..Flags::default() };
    let daemon = load(&host, Path::new(FILE), &flags).unwrap().daemon;
    assert_eq!((daemon.loglevel, daemon.identifier.as_str(), daemon.nodaemon), (Level::Debug, "flag", true));
    assert_eq!(daemon.logfile, config::DaemonLog::None);
    let unknown = Flags { user: Some("no-such-user".into()), ..Flags::default() };
    assert_eq!(load(&host, Path::new(FILE), &unknown).unwrap_err().first(), "Invalid user name no-such-user");
}

#[test]
fn a_user_without_an_account_has_a_number_and_group_0() {
    let config = config("[supervisord]\n[program:x]\ncommand=/bin/cat\nuser=1000650000\n");
    let user = config.groups[0].processes[0].user.clone().unwrap();
    assert_eq!((user.uid, user.gid, user.name), (1_000_650_000, 0, None));
}

#[test]
fn supervisorctl_reads_its_section_and_tells_of_plugins() {
    let text = "[supervisorctl]\nserverurl=unix://%(here)s/../run/s.sock\nusername=%(ENV_A)s\nhistory_file=~/history\n\
                [ctlplugin:x]\nsupervisor.ctl_factory = my.module:make\n";
    let read = load_ctl(&FakeHost::with(&[(FILE, text)]), Path::new(FILE)).unwrap();
    assert_eq!((read.serverurl.as_str(), read.prompt.as_str()), ("unix:///run/s.sock", "supervisor"));
    assert_eq!((read.username.as_deref(), read.password), (Some("from-env"), None));
    assert_eq!(read.history_file.as_deref(), Some(Path::new("/root/history")));
    assert!(read.notices[0].starts_with("my.module:make cannot be resolved within [ctlplugin:x]"));
    let error = load_ctl(&FakeHost::with(&[(FILE, "[supervisord]\n")]), Path::new(FILE)).unwrap_err();
    assert_eq!(error.first(), ".ini file does not include supervisorctl section");
}

/// `+a ~b -c` for what an update from one text to the other adds, changes and removes.
fn changes(old: &str, new: &str) -> String {
    let found =
        diff(&config(&format!("[supervisord]\n{old}")).groups, &config(&format!("[supervisord]\n{new}")).groups);
    let marked =
        |mark: &str, names: Vec<String>| names.into_iter().map(|name| format!("{mark}{name}")).collect::<Vec<_>>();
    [marked("+", found.added), marked("~", found.changed), marked("-", found.removed)].concat().join(" ")
}

#[test]
fn an_update_compares_values_and_not_their_spelling() {
    let program = "[program:a]\ncommand=/bin/cat\n";
    for (more, changed) in [
        ("autostart=on\nstartsecs=1\nstopsignal=15\nkillasgroup=false\n", ""),
        ("stdout_logfile=AUTO\n", ""),
        ("stdout_logfile=/tmp/x.log\n", "~a"),
        ("umask=022\n", "~a"),
        ("stopsignal=INT\n", "~a"),
        ("environment=B=1\n", "~a"),
        ("[program:b]\ncommand=/bin/cat\n", "+b"),
        ("[group:g]\nprograms=a\n", "+g -a"),
    ] {
        assert_eq!(changes(program, &format!("{program}{more}")), changed, "{more}");
    }
    let logged = "[program:a]\ncommand=/bin/cat\nstdout_logfile=/tmp/x.log\n";
    assert_eq!(changes(logged, program), "", "the reference does not notice a change to AUTO");
    let variables = |text: &str| format!("{program}environment={text}\n");
    assert_eq!(changes(&variables("A=1,B=2"), &variables("B=2,A=1")), "");
}

#[test]
fn an_update_notices_another_kind_of_group() {
    let listener = "[eventlistener:l]\ncommand=/bin/cat\nevents=TICK_5,TICK_60\npriority=-1\n";
    assert_eq!(changes(listener, &listener.replace("TICK_5,TICK_60", "tick_60, tick_5")), "");
    assert_eq!(changes(listener, &listener.replace("TICK_5,", "")), "~l");
    assert_eq!(changes(listener, "[program:l]\ncommand=/bin/cat\npriority=-1\n"), "~l");
    let fcgi = "[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix:///tmp/f.sock\n";
    assert_eq!(changes(fcgi, &fcgi.replace("f.sock", "g.sock")), "~f");
    assert_eq!(changes(fcgi, &format!("{fcgi}socket_mode=0770\n")), "");
}

/// Lines as people might write them: headers and options that mean something, with values that may not.
fn lines_of_a_file() -> impl Strategy<Value = String> {
    let header =
        "\\[(supervisord|program:[ab]|group:g|eventlistener:l|fcgi-program:f|include|unix_http_server|DEFAULT)\\]";
    let names = ["command", "environment", "numprocs", "process_name", "stopsignal", "user", "events", "socket", "x"];
    let more =
        ["programs", "files", "port", "exitcodes", "stdout_logfile", "result_handler", "buffer_size", "priority"];
    let value = "%\\((here|process_num|a)\\)0?[0-9]?[sdxqé%]?|[ -~é]{0,12}|[0-9]{1,25}|[A-C]=\"?[a-c ,]{0,4}\"?";
    let name = proptest::sample::select([names.as_slice(), &more].concat());
    let option = (" ?", name, "[=:]", value).prop_map(|(blank, name, is, value)| format!("{blank}{name}{is}{value}"));
    let line = prop_oneof![header, option, "[ -~\t]{0,12}"];
    proptest::collection::vec(line, 0..12).prop_map(|lines| format!("[supervisord]\n{}\n", lines.join("\n")))
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in lines_of_a_file()) {
        let report = report(&[(FILE, &text)]);
        prop_assert_eq!(report.config.is_some(), report.errors.is_empty());
        let _ = load_ctl(&FakeHost::with(&[(FILE, &text)]), Path::new(FILE));
    }
}
