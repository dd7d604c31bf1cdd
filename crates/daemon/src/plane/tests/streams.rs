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

/// Not a test: what the tests below run in a process of its own, whose stdout they hold.
#[test]
#[ignore = "run by other tests"]
fn a_daemon_in_the_foreground() {
    let folder = PathBuf::from(std::env::var_os("PLANE_FOLDER").unwrap());
    let mut config = daemon_config(folder.join("main.log"), Level::Info);
    (config.nodaemon, config.silent) = (true, false);
    let plane = start(Logs::open(&config).unwrap(), Buffer::mortal().unwrap()).unwrap();
    let lines: u32 = std::env::var("PLANE_LINES").unwrap().parse().unwrap();
    for number in 0..lines {
        let text = format!("line {number} of the daemon's log, as long as lines are");
        plane.orders.send(Order::Log { level: Level::Info, at: sys::clock::wall(), text });
    }
    plane.orders.send(Order::Print { data: b"printed\n".to_vec() });
    plane.orders.send(Order::Finish);
    plane.join();
    // Without the harness' last words, for which there may be no room.
    std::process::exit(0);
}

fn foreground(folder: &Path, lines: usize, stdout: impl Into<std::process::Stdio>) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plane::tests::streams::a_daemon_in_the_foreground", "--ignored", "--nocapture"])
        .env("PLANE_FOLDER", folder)
        .env("PLANE_LINES", lines.to_string())
        .stdout(stdout)
        .spawn()
        .unwrap()
}

#[test]
fn a_daemons_stdout_that_nobody_reads_does_not_stop_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut daemon = foreground(folder.path(), 30_000, writer);
    assert!(daemon.wait().unwrap().success());
    let log = std::fs::read_to_string(folder.path().join("main.log")).unwrap();
    assert_eq!(log.matches(" INFO line ").count(), 30_000);
    assert!(log.contains("nobody reads what is logged to /dev/stdout"));
    let mut console = Vec::new();
    reader.read_to_end(&mut console).unwrap();
    assert!(console.len() >= 60_000, "what fits the pipe is there: {}", console.len());
}

#[test]
fn a_daemon_logs_to_a_stdout_of_any_kind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    assert!(foreground(folder.path(), 5000, File::create(&file).unwrap()).wait().unwrap().success());
    let in_file = std::fs::read_to_string(&file).unwrap();
    // A socket cannot be opened by its path: what systemd gives a service is one.
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut daemon = foreground(folder.path(), 5000, OwnedFd::from(theirs));
    let mut in_socket = String::new();
    (&ours).read_to_string(&mut in_socket).unwrap();
    assert!(daemon.wait().unwrap().success());
    for text in [in_file, in_socket] {
        assert_eq!(text.matches(" INFO line ").count(), 5000);
        assert!(text.contains("printed\n"));
    }
}
