//! Groups: order, members, and those that come and go.

use crate::harness::{Daemon, wait};

#[test]
fn lower_priorities_start_first_and_stop_last() {
    let mut daemon = Daemon::start(
        "[program:b]\ncommand=/bin/cat\npriority=2\n[program:a]\ncommand=/bin/cat\npriority=3\n\
         [program:c]\ncommand=/bin/cat\npriority=1\n",
    );
    for name in ["a", "b", "c"] {
        daemon.wait_state(name, "RUNNING");
    }
    let names = |part: &str, place: usize| -> Vec<String> {
        daemon.log_lines(part).iter().map(|line| line.split(' ').nth(place).unwrap().replace('\'', "")).collect()
    };
    assert_eq!(names("spawned", 2), ["c", "b", "a"]);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end(), 0);
    let stopped: Vec<String> =
        daemon.log_lines("stopped:").iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
    assert_eq!(stopped, ["a", "b", "c"]);
}

#[test]
fn starts_are_told_in_their_order_whether_or_not_they_succeed() {
    let programs: String = (0..20)
        .map(|number| {
            let command = if number % 3 == 0 { "/no/such/program" } else { "/bin/cat" };
            format!("[program:p{number}]\ncommand={command}\npriority={number}\nstartretries=0\n")
        })
        .collect();
    let daemon = Daemon::start(&programs);
    daemon.wait_state("p19", "RUNNING");
    daemon.wait_state("p18", "FATAL");
    let told = daemon.read("supervisord.log");
    let told = told.lines().filter(|line| line.contains("INFO spawn")).map(|line| line.contains("spawnerr"));
    let expected: Vec<bool> = (0..20).map(|number| number % 3 == 0).collect();
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn update_starts_what_is_new_and_stops_what_is_gone() {
    let daemon = Daemon::start("[program:old]\ncommand=/bin/cat\n[program:same]\ncommand=/bin/cat\n");
    daemon.wait_state("same", "RUNNING");
    let pid = daemon.pid_of("same");
    daemon.reconfigure("[program:new]\ncommand=/bin/cat\n[program:same]\ncommand=/bin/cat\n");
    assert_eq!(daemon.ctl_out("update"), "old: stopped\nold: removed process group\nnew: added process group\n");
    daemon.wait_state("new", "RUNNING");
    assert_eq!(daemon.pid_of("same"), pid);
    assert_eq!(daemon.ctl_out("status old"), "old: ERROR (no such process)\n");
}

#[test]
fn a_failed_reread_leaves_everything_running() {
    let daemon = Daemon::start("[program:cat]\ncommand=/bin/cat\n");
    daemon.wait_state("cat", "RUNNING");
    let pid = daemon.pid_of("cat");
    daemon.reconfigure("[program:cat]\ncommand=/bin/cat\nstartsecs=soon\n");
    for action in ["reread", "update"] {
        let said = daemon.ctl(action);
        assert!(said.out.starts_with("ERROR: CANT_REREAD: ") && said.out.contains("soon"), "{said:?}");
    }
    assert_eq!((daemon.state("cat").as_str(), daemon.pid_of("cat")), ("RUNNING", pid));
    assert_eq!(daemon.ctl_out("restart cat"), "cat: stopped\ncat: started\n");
}

#[test]
fn the_processes_of_a_fastcgi_group_share_a_socket_that_goes_with_them() {
    let server = "/usr/bin/python3 -S -c \"import socket;s=socket.socket(fileno=0)\nwhile 1:c,_=s.accept();c.sendall(b'hello');\
                  c.close()\"";
    let server = server.replace('\n', "\n ");
    let daemon = Daemon::start(&format!(
        "[fcgi-program:f]\ncommand={server}\nsocket=unix://<DIR>/f.sock\nnumprocs=2\nprocess_name=%(process_num)d\n"
    ));
    let ask = || {
        let mut text = String::new();
        let stream = std::os::unix::net::UnixStream::connect(daemon.path("f.sock"));
        let _ = stream.and_then(|mut stream| std::io::Read::read_to_string(&mut stream, &mut text));
        text
    };
    wait("it answers", || ask() == "hello");
    daemon.wait_state("f:0", "RUNNING");
    daemon.wait_state("f:1", "RUNNING");
    let creating = format!("INFO Creating socket unix://{}", daemon.path("f.sock").display());
    assert_eq!(daemon.ctl_out("stop f:0"), "f:0: stopped\n");
    assert_eq!(ask(), "hello");
    assert_eq!(daemon.ctl_out("stop f:1"), "f:1: stopped\n");
    wait("the socket is gone", || !daemon.path("f.sock").exists());
    let said = [creating.clone(), creating.replace("Creating", "Closing")];
    wait("the log says so", || daemon.log_lines(" socket unix:") == said);
    assert_eq!(daemon.ctl_out("start f:1"), "f:1: started\n");
    assert_eq!(ask(), "hello");
}
