//! Pipes that a grandchild holds when its program has ended.

use std::os::fd::AsRawFd;

use model::limits;

use super::*;

impl Bench {
    /// As `run`, with a pipe as children have it: both ends are theirs.
    fn run_survivable(&mut self, number: u32, order: ChannelOrder) -> File {
        self.open(number, [Some(order), None]).unwrap();
        let pipe = pipes::output(PipeOptions { survivable: true, size: None }).unwrap();
        self.order(Order::Attach { process: ProcessId(number), pid: 1, pipes: [Some(pipe.ours), None] });
        pipe.theirs.into()
    }

    /// True if this process has the pipe open once more.
    fn has_reader(pipe: &File) -> bool {
        let end = |fd: &Path| std::fs::read_link(fd).ok();
        let wanted = end(&PathBuf::from(format!("/proc/self/fd/{}", pipe.as_raw_fd())));
        let all = Path::new("/proc/self/fd").read_dir().unwrap().flatten();
        all.filter(|entry| end(&entry.path()) == wanted).count() > 1
    }
}

#[test]
fn a_grandchild_writes_on_into_the_log_of_its_program() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut grandchild = bench.run_survivable(1, to_file(&log));
    grandchild.write_all(b"words\n").unwrap();
    bench.drain(1);
    assert_eq!(bench.read("log"), "words\n");
    let text = pattern(1024 * 1024);
    // A pipe that nobody reads would hold this up for ever.
    let written = text.clone();
    std::thread::spawn(move || grandchild.write_all(&written).unwrap()).join().unwrap();
    let whole = [b"words\n", &text[..]].concat();
    until("all is logged", || std::fs::read(&log).is_ok_and(|found| found == whole));
}

#[test]
fn two_starts_of_one_program_leave_two_pipes_and_the_third_runs_beside_them() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut order = to_file(&log);
    order.config.events_enabled = true;
    order.config.capture_maxbytes = 100;
    let mut first = bench.run_survivable(1, order.clone());
    assert!(bench.drain(1).is_empty());
    let mut second = bench.run_survivable(1, order.clone());
    assert!(bench.drain(1).is_empty());
    let mut third = bench.run(1, order);
    for (program, text) in [(&mut first, "one\n"), (&mut second, "two\n"), (&mut third, "three\n")] {
        program.write_all(text.as_bytes()).unwrap();
        until("logged", || bench.read("log").ends_with(text));
    }
    first.write_all(b"<!--XSUPERVISOR:BEGIN-->").unwrap();
    until("taken as it is", || bench.read("log").ends_with("BEGIN-->"));
    drop(third);
    let told = bench.drain(1);
    assert!(matches!(&told[..], [Report::Output { data, .. }] if data == b"three\n"), "{told:?}");
}

#[test]
fn what_a_program_left_is_closed_once_it_is_no_longer_supervised() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let kept = bench.run_survivable(1, to_file(&log));
    bench.drain(1);
    assert!(Bench::has_reader(&kept));
    bench.order(Order::Forget { processes: vec![ProcessId(1)] });
    until("closed", || !Bench::has_reader(&kept));
}

#[test]
fn the_end_of_a_leftover_closes_its_pipe_and_log() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let opened = || {
        let all = Path::new("/proc/self/fd").read_dir().unwrap().flatten();
        all.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == log)).count()
    };
    let mut kept = bench.run_survivable(1, to_file(&log));
    bench.drain(1);
    assert_eq!(opened(), 1);
    kept.write_all(b"the end").unwrap();
    drop(kept);
    until("closed", || opened() == 0);
    assert_eq!(bench.read("log"), "the end");
}

#[test]
fn the_log_of_a_leftover_can_be_cleared() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut kept = bench.run_survivable(1, to_file(&log));
    kept.write_all(b"before").unwrap();
    bench.drain(1);
    bench.clear(1).unwrap();
    kept.write_all(b"after").unwrap();
    until("logged", || bench.read("log") == "after");
}

#[test]
fn of_too_many_leftovers_the_oldest_is_closed() {
    let mut bench = Bench::new();
    let mut kept = Vec::new();
    for _ in 0..=limits::LEFTOVER_PIPES {
        let log = bench.path("log");
        kept.push(bench.run_survivable(1, to_file(&log)));
        bench.drain(1);
    }
    assert!(!Bench::has_reader(&kept[0]) && Bench::has_reader(&kept[1]));
    let last = kept.last_mut().unwrap();
    last.write_all(b"still").unwrap();
    until("logged", || bench.read("log") == "still");
    bench.finish();
    let text = bench.read("main.log");
    assert_eq!(text.matches("WARN closed the stdout pipe that an ended process of 'p1' left").count(), 1, "{text}");
}
