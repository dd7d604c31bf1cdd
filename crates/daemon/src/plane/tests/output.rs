//! What becomes of output besides its log: events, captures, the echo at level debug.

use super::*;

#[test]
fn the_last_words_are_logged_and_reported_before_the_drain_is() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut order = to_file(&log);
    order.config.events_enabled = true;
    let mut program = bench.run(1, order);
    program.write_all(b"last words").unwrap();
    drop(program);
    let before = bench.drain(1);
    assert_eq!(bench.read("log"), "last words");
    let told: Vec<u8> = before
        .into_iter()
        .flat_map(|report| match report {
            Report::Output { process: ProcessId(1), channel: Channel::Stdout, data } => data,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, b"last words");
}

#[test]
fn captured_text_is_reported_and_not_logged_however_it_is_split() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut order = to_file(&log);
    order.config.capture_maxbytes = 1000;
    order.strip_ansi = true;
    let mut program = bench.run(1, order);
    let parts =
        ["\x1b[31mbefore\x1b[0m <!--XSUPER", "VISOR:BEGIN-->the \x1b[1mtext", "<!--XSUPERVISOR:E", "ND-->after <!--"];
    for part in parts {
        program.write_all(part.as_bytes()).unwrap();
    }
    let captured = bench.report();
    assert!(
        matches!(&captured, Report::Captured { process: ProcessId(1), channel: Channel::Stdout, data } if data == b"the text"),
        "{captured:?}"
    );
    drop(program);
    bench.drain(1);
    assert_eq!(bench.read("log"), "before after <!--");
}

#[test]
fn at_level_debug_output_is_echoed_in_the_daemons_log() {
    let mut bench = Bench::at(Level::Debug);
    let log = bench.path("log");
    let mut program = bench.run(1, to_file(&log));
    program.write_all(b"hello there\n").unwrap();
    until("echoed", || bench.read("main.log").contains(" DEBG 'p1' stdout output:\nhello there\n\n"));
    program.write_all(b"\xff'").unwrap();
    until("echoed", || bench.read("main.log").contains("output:\nUndecodable: b\"\\xff'\"\n"));
    assert_eq!(std::fs::read(&log).unwrap(), b"hello there\n\xff'");
}

#[test]
fn lines_below_the_level_are_not_logged() {
    let mut bench = Bench::at(Level::Warn);
    bench.log("too little");
    bench.order(Order::Log { level: Level::Critical, at: sys::clock::wall(), text: "enough".into() });
    bench.finish();
    let text = bench.read("main.log");
    assert!(text.ends_with(" CRIT enough\n") && !text.contains("little"), "{text}");
}

#[test]
fn what_control_has_read_itself_is_logged() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    bench.open(1, [Some(to_file(&log)), None]).unwrap();
    bench.order(Order::Write { process: ProcessId(1), channel: Channel::Stdout, data: b"READY\n".to_vec() });
    bench.drain(1);
    assert_eq!(bench.read("log"), "READY\n");
}

#[test]
fn a_program_whose_events_nobody_takes_is_not_read_on_and_loses_nothing() {
    let mut bench = Bench::new();
    let (loud, quiet) = (bench.path("loud"), bench.path("quiet"));
    let mut order = to_file(&loud);
    order.config.events_enabled = true;
    let mut program = bench.run(1, order);
    let total = (model::limits::REPORTS_WAITING + 50) * 64 * 1024;
    let writer = std::thread::spawn(move || program.write_all(&pattern(total)).unwrap());
    let full = || bench.plane.as_ref().unwrap().reports.waiting() >= model::limits::REPORTS_WAITING;
    until("too much waits", full);
    assert!(!writer.is_finished());
    bench.reports.extend(bench.plane.as_ref().unwrap().reports.take());
    let mut told = 0;
    while told < total {
        match bench.report() {
            Report::Output { data, .. } => told += data.len(),
            other => panic!("{other:?}"),
        }
    }
    writer.join().unwrap();
    let mut other = bench.run(2, to_file(&quiet));
    other.write_all(b"still here").unwrap();
    until("others go on", || bench.read("quiet") == "still here");
    assert!(std::fs::read(&loud).unwrap() == pattern(total));
}

#[test]
fn a_defect_in_one_log_closes_that_log_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut logs = Logs::open(&daemon_config(folder.path().join("main.log"), Level::Info)).unwrap();
    let broken = logs.sinks.defective();
    let (reports, _box) = mailbox().unwrap();
    let mut channel = channel::Channel::new(to_file(Path::new("/unused")), Some(broken));
    let mut around = channel::Surroundings { process: ProcessId(1), name: "odd", logs: &mut logs, reports: &reports };
    channel.take(b"one", true, &mut around);
    assert_eq!(channel.sink, None);
    channel.take(b"two", true, &mut around);
    let text = std::fs::read_to_string(folder.path().join("main.log")).unwrap();
    assert!(text.contains(" CRIT a defect was met in logging 'odd' stdout"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

/// A descriptor is not left behind by a program that comes and goes.
#[test]
fn programs_that_come_and_go_leave_no_descriptor() {
    let mut bench = Bench::new();
    let open = |path: &Path| {
        Path::new("/proc/self/fd")
            .read_dir()
            .unwrap()
            .flatten()
            .filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == path))
            .count()
    };
    let log = bench.path("log");
    for number in 0..50 {
        let mut program = bench.run(number, to_file(&log));
        program.write_all(b"x").unwrap();
        drop::<OwnedFd>(program.into());
        bench.drain(number);
    }
    assert_eq!(open(&log), 0);
    assert_eq!(bench.read("log").len(), 50);
}
