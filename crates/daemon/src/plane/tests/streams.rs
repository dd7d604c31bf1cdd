//! Logs that are no files: pipes and devices whose readers may stop.

use std::io::Read;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// The reading end of a FIFO; reads do not wait.
fn idle_reader(path: &Path) -> File {
    use rustix::fs::{OFlags, open};
    open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap().into()
}

#[test]
fn a_stream_that_nobody_reads_delays_its_own_programs_only() {
    let mut bench = Bench::new();
    let (pipe, log) = (bench.path("pipe"), bench.path("log"));
    fifo(&pipe);
    let mut stuck = bench.run(1, to_file(&pipe));
    let total = 1_000_000;
    let writer = std::thread::spawn(move || stuck.write_all(&pattern(total)).unwrap());
    let mut other = bench.run(2, to_file(&log));
    for number in 0..100 {
        let begin = Instant::now();
        write!(other, "{number} ").unwrap();
        let end = format!("{number} ");
        until("the other program is logged", || bench.read("log").ends_with(&end));
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
    assert!(!writer.is_finished(), "its program feels a full pipe");
    let mut found = vec![0; total];
    File::open(&pipe).unwrap().read_exact(&mut found).unwrap();
    assert!(found == pattern(total), "nothing is lost when the reader comes");
    writer.join().unwrap();
}

#[test]
fn a_drain_does_not_wait_for_a_stream_that_nobody_reads() {
    let mut bench = Bench::new();
    let pipe = bench.path("pipe");
    fifo(&pipe);
    let _idle_reader = idle_reader(&pipe);
    // Many lives of a program whose log is stuck: what is kept is bounded, and each end is told.
    for number in 0..40 {
        let mut program = bench.run(1, to_file(&pipe));
        program.write_all(&[b'x'; 60_000]).unwrap();
        drop(program);
        bench.drain(1);
        assert!(number < 30 || bench.read("main.log").contains("nobody reads"), "{number}");
    }
    assert_eq!(bench.read("main.log").lines().count(), 1);
}

#[test]
fn a_stream_whose_reader_has_gone_is_told_once_and_used_again() {
    let mut bench = Bench::new();
    let pipe = bench.path("pipe");
    fifo(&pipe);
    let reader = idle_reader(&pipe);
    let mut program = bench.run(1, to_file(&pipe));
    program.write_all(b"heard").unwrap();
    let heard = |reader: &File| {
        let mut found = [0; 100];
        rustix::io::read(reader, &mut found).map(|length| found[..length].to_vec()).unwrap_or_default()
    };
    until("read", || heard(&reader) == b"heard");
    drop(reader);
    program.write_all(b"lost").unwrap();
    until("told", || bench.read("main.log").contains("EPIPE"));
    program.write_all(b"lost").unwrap();
    bench.clear(1).unwrap();
    let reader = idle_reader(&pipe);
    program.write_all(b"again").unwrap();
    until("read again", || heard(&reader) == b"again");
    until("told", || bench.read("main.log").contains("takes logs again (8 bytes were lost)"));
    assert_eq!(bench.read("main.log").lines().count(), 2);
}

#[test]
fn a_device_is_a_log_like_any() {
    let mut bench = Bench::new();
    let mut program = bench.run(1, rotated(Path::new("/dev/null"), 10, 3));
    program.write_all(&[b'x'; 1000]).unwrap();
    drop(program);
    bench.drain(1);
    bench.finish();
    assert_eq!(bench.read("main.log"), "");
}
