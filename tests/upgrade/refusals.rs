//! Upgrades that are refused, or fail at the last moment: everything goes on as it was, and the reason is told.

use std::path::Path;

use crate::survivors::{House, until};
use crate::{CAT, EAR, count, descriptors, has_no_more, house, numbers, upgrade};

/// The same, for one that is refused; gives the line of the log.
fn refused(house: &House) -> String {
    let before = count(house, "upgrade refused");
    House::signal(&house.daemon().to_string(), "USR1");
    assert!(until(|| count(house, "upgrade refused") > before), "{}", house.read("main.log"));
    refused_line(house)
}

fn refused_line(house: &House) -> String {
    let log = house.read("main.log");
    log.lines().rfind(|line| line.contains("upgrade refused")).unwrap().to_owned()
}

#[test]
fn what_is_no_successor_is_refused_and_everything_goes_on() {
    let house = house(CAT);
    let pid = house.pid_of("cat");
    let script = |text: &str| {
        std::fs::write(house.path("script"), text).unwrap();
        house.install(&house.path("script"));
    };
    for (program, reason) in [
        ("nonsense", "is not a program"),
        ("#!/bin/sh\nexit 1\n", "ended without an answer"),
        ("#!/bin/sh\necho one; echo two >&2; exit 0\n", "does not accept the state: one; two"),
        ("#!/bin/sh\nkill -SEGV $$\n", "ended without an answer"),
        ("#!/no/such/shell\n", "couldn't exec"),
        (
            "#!/bin/sh\necho 'the handover has form 1, and only form 2 is known here'\n",
            "does not accept the state: the handover has form 1, and only form 2 is known here",
        ),
        ("#!/bin/sh\nexec sleep 60\n", "did not answer within 10 s"),
    ] {
        script(program);
        let line = refused(&house);
        assert!(line.contains(reason), "{line}");
        assert_eq!(house.pid_of("cat"), pid);
    }
    std::fs::remove_file(house.path("supervisord")).unwrap();
    assert!(refused(&house).contains("cannot be run: ENOENT"));
    house.install(Path::new(env!("CARGO_BIN_EXE_supervisord")));
    house.call("supervisor.sendProcessStdin", &["cat", "still here\n"]);
    assert!(until(|| house.read("cat.log") == "still here\n"));
    upgrade(&house);
    assert_eq!(house.pid_of("cat"), pid);
}

#[test]
fn a_successor_that_refuses_at_the_last_moment_leaves_everything_as_it_was() {
    let house = house(&format!("{CAT}{EAR}"));
    let (cat, ear) = (house.pid_of("cat"), house.pid_of("ear"));
    let before = descriptors(house.daemon());
    // The draft is accepted, and what is handed over is not.
    let seen = house.path("seen");
    let seen = seen.display();
    std::fs::write(
        house.path("script"),
        format!("#!/bin/sh\nif [ -e {seen} ]; then echo no; else touch {seen}; echo the handover is accepted; fi\n"),
    )
    .unwrap();
    house.install(&house.path("script"));
    let (said, good) = house.ctl_status(&["upgrade"]);
    assert!(!good && said.contains("does not accept the state: no"), "{said}");
    assert_eq!((house.pid_of("cat"), house.pid_of("ear")), (cat, ear));
    house.call("supervisor.sendProcessStdin", &["cat", "still here\n"]);
    house.call("supervisor.sendRemoteCommEvent", &["t", "x"]);
    assert!(until(|| house.read("cat.log") == "still here\n" && numbers(&house, &["ear.log"]) == [0]));
    assert!(until(|| has_no_more(house.daemon(), &before)), "{before:?} {:?}", descriptors(house.daemon()));
}

#[test]
fn a_configuration_that_cannot_be_read_refuses_the_upgrade() {
    let mut house = house(CAT);
    let pid = house.pid_of("cat");
    house.configure("[program:cat]\ncommand=/bin/cat\nautostart=perhaps\n");
    let line = refused(&house);
    assert!(line.contains("the configuration is not accepted") && line.contains("perhaps"), "{line}");
    assert_eq!(house.pid_of("cat"), pid);
    // One that has changed is for `update`.
    house.configure(&format!("{CAT}[program:new]\ncommand=/bin/cat\nstartsecs=0\n"));
    upgrade(&house);
    assert!(!house.ctl(&["status"]).contains("new"));
    assert!(house.ctl(&["update"]).contains("new: added process group"));
    assert_eq!(house.pid_of("cat"), pid);
}

/// A program that accepts twice, and with the second time is no program any more: what it does to itself then.
fn treacherous(house: &House, deed: &str) {
    let seen = house.path("seen");
    let seen = seen.display();
    let accepts = "echo the handover is accepted";
    std::fs::write(
        house.path("script"),
        format!("#!/bin/sh\nif [ -e {seen} ]; then rm {seen}; {deed}; {accepts}; else touch {seen}; {accepts}; fi\n"),
    )
    .unwrap();
    house.install(&house.path("script"));
}

#[test]
fn a_program_that_cannot_be_run_after_both_proofs_leaves_everything_as_it_was() {
    let house = house(&format!(
        "{CAT}{EAR}[program:slow]\ncommand=/bin/cat\nstartsecs=5\nautostart=false\n\
         [program:writes]\ncommand=/bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done'\nstartsecs=0\n\
         stdout_logfile=%(here)s/writes.log\n\
         [fcgi-program:web]\ncommand=/bin/sleep 1000\nsocket=unix://%(here)s/f.sock\nstartsecs=0\n"
    ));
    let pids = || ["cat", "ear", "writes", "web"].map(|name| house.pid_of(name));
    let (before, open) = (pids(), descriptors(house.daemon()));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| house.call("supervisor.startProcess", &["slow"]));
        assert!(until(|| house.ctl(&["status", "slow"]).contains("STARTING")));
        for (deed, reason) in [
            ("rm -- \"$0\"", "cannot be run: ENOENT"),
            ("chmod a-x \"$0\"", "cannot be run: EACCES"),
            // What is no program at all: nobody may try it as a script.
            ("echo 'touch ran' > other; chmod 755 other; mv other \"$0\"", "cannot be run: ENOEXEC"),
            ("printf '#!/no/such/shell\\n' > other; chmod 755 other; mv other \"$0\"", "cannot be run: ENOENT"),
        ] {
            treacherous(&house, &format!("cd {}; {deed}", house.path("").display()));
            house.call("supervisor.sendRemoteCommEvent", &["t", "x"]);
            let (said, good) = house.ctl_status(&["upgrade"]);
            assert!(!good && said.contains(reason), "{deed}: {said}");
            assert!(refused_line(&house).contains(reason));
            assert_eq!(pids(), before, "{deed}");
        }
        let answer = slow.join().unwrap();
        assert!(answer.contains("<boolean>1</boolean>"), "a call that waited is answered: {answer}");
    });
    assert!(!house.path("ran").exists());
    house.call("supervisor.sendProcessStdin", &["cat", "still here\n"]);
    assert!(until(|| house.read("cat.log") == "still here\n"));
    assert!(until(|| numbers(&house, &["ear.log"]) == [0, 1, 2, 3]), "each event once: {}", house.read("ear.log"));
    let written = numbers(&house, &["writes.log"]);
    assert_eq!(written, (1..=written.len() as u64).collect::<Vec<_>>(), "no line is lost");
    house.ctl(&["stop", "slow"]);
    assert!(until(|| has_no_more(house.daemon(), &open)), "{open:?} {:?}", descriptors(house.daemon()));
    // What is in order is upgraded to as ever.
    house.install(Path::new(env!("CARGO_BIN_EXE_supervisord")));
    upgrade(&house);
    assert_eq!(pids(), before);
}

#[test]
fn a_daemon_that_ends_while_a_program_is_asked_answers_the_call_and_leaves_nobody_behind() {
    let mut house = house(CAT);
    std::fs::write(
        house.path("script"),
        format!("#!/bin/sh\necho $$ > {}\nexec sleep 60\n", house.path("asked").display()),
    )
    .unwrap();
    house.install(&house.path("script"));
    std::thread::scope(|scope| {
        let upgrade = scope.spawn(|| house.ctl_status(&["upgrade"]));
        assert!(until(|| house.read("asked").ends_with('\n')));
        House::signal(&house.daemon().to_string(), "TERM");
        let (said, good) = upgrade.join().unwrap();
        assert!(!good && said.contains("not upgraded: SHUTDOWN_STATE"), "{said}");
    });
    house.end();
    assert!(until(|| !House::lives(house.read("asked").trim())));
}
