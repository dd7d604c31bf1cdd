//! Log files: rotation, clearing, reopening, trouble.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn the_write_that_reaches_the_limit_stays_whole_in_the_old_file() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    std::fs::write(&log, "before ").unwrap();
    let mut program = bench.run(1, rotated(&log, 20, 2));
    program.write_all(b"0123456789").unwrap();
    until("below the limit", || bench.read("log") == "before 0123456789");
    program.write_all(b"abcdefgh").unwrap();
    until("rotated", || bench.read("log.1") == "before 0123456789abcdefgh");
    assert_eq!(bench.read("log"), "");
    program.write_all(&[b'x'; 20]).unwrap();
    until("exactly the limit", || bench.read("log.1") == "x".repeat(20));
    assert_eq!(bench.read("log.2"), "before 0123456789abcdefgh");
}

#[test]
fn without_backups_a_full_log_is_emptied() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, rotated(&log, 10, 0));
    program.write_all(b"01234").unwrap();
    until("written", || bench.read("log") == "01234");
    program.write_all(b"56789").unwrap();
    until("emptied", || log.metadata().unwrap().len() == 0);
    program.write_all(b"more").unwrap();
    until("written again", || bench.read("log") == "more");
    assert!(!bench.path("log.1").exists());
}

#[test]
fn fifty_megabytes_over_many_rotations_lose_no_byte() {
    const TOTAL: usize = 50_000_000;
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, rotated(&log, 2_000_000, 40));
    let data = pattern(TOTAL);
    program.write_all(&data).unwrap();
    drop(program);
    bench.drain(1);
    let mut found = Vec::new();
    for number in (1..=40).rev() {
        let old = std::fs::read(bench.path(&format!("log.{number}"))).unwrap_or_default();
        assert!(old.is_empty() || (2_000_000..2_000_000 + 131_072).contains(&old.len()), "{}", old.len());
        found.extend(old);
    }
    found.extend(std::fs::read(&log).unwrap());
    assert!(found == data, "{} bytes of {TOTAL}", found.len());
}

#[test]
fn a_log_that_somebody_truncates_has_no_hole() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, rotated(&log, 1000, 2));
    program.write_all(&[b'a'; 900]).unwrap();
    until("written", || log.metadata().unwrap().len() == 900);
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    program.write_all(b"after").unwrap();
    until("written again", || bench.read("log") == "after");
    program.write_all(&[b'b'; 900]).unwrap();
    until("the cut-off bytes do not count", || log.metadata().unwrap().len() == 905);
    assert!(!bench.path("log.1").exists());
}

#[test]
fn reopening_follows_the_name_and_lines_before_it_stand_in_the_old_log() {
    let mut bench = Bench::new();
    let (log, moved) = (bench.path("log"), bench.path("moved"));
    let mut program = bench.run(1, to_file(&log));
    program.write_all(b"one\n").unwrap();
    until("written", || bench.read("log") == "one\n");
    std::fs::rename(&log, &moved).unwrap();
    std::fs::rename(bench.path("main.log"), bench.path("main.moved")).unwrap();
    program.write_all(b"two\n").unwrap();
    until("written to the moved file", || bench.read("moved") == "one\ntwo\n");
    bench.log("before the reopening");
    bench.order(Order::Reopen);
    bench.log("after it");
    until("reopened", || log.exists());
    program.write_all(b"three\n").unwrap();
    until("written to the new file", || bench.read("log") == "three\n");
    bench.finish();
    assert!(bench.read("main.moved").ends_with(" INFO before the reopening\n"));
    assert!(bench.read("main.log").ends_with(" INFO after it\n"));
    assert_eq!(bench.read("main.log").lines().count(), 1);
}

#[test]
fn clearing_removes_and_reopens_whether_the_program_runs_or_not() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, to_file(&log));
    program.write_all(b"one\n").unwrap();
    until("written", || bench.read("log") == "one\n");
    bench.clear(1).unwrap();
    assert_eq!(bench.read("log"), "");
    program.write_all(b"two\n").unwrap();
    until("written again", || bench.read("log") == "two\n");
    bench.drain(1);
    bench.clear(1).unwrap();
    assert_eq!(bench.read("log"), "");
    assert!(log.exists());
    assert_eq!(bench.clear(99), Ok(()), "one that was never started");
}

#[test]
fn the_daemons_log_can_be_cleared() {
    let mut bench = Bench::new();
    bench.log("old");
    bench.order(Order::ClearMainLog { ticket: Ticket(1) });
    assert!(matches!(bench.report(), Report::Cleared { ticket: Ticket(1), result: Ok(()) }));
    assert_eq!(bench.read("main.log"), "");
    std::fs::remove_file(bench.path("main.log")).unwrap();
    bench.order(Order::ClearMainLog { ticket: Ticket(2) });
    assert!(matches!(
        bench.report(),
        Report::Cleared { ticket: Ticket(2), result: Err(engine::input::ClearError::NoFile) }
    ));
}

#[test]
fn a_log_that_cannot_be_opened_is_told_by_its_errno() {
    let mut bench = Bench::new();
    let folder = bench.folder.path().to_owned();
    let good = to_file(&bench.path("log"));
    assert_eq!(bench.open(1, [Some(good), Some(to_file(&folder))]), Err("EISDIR".into()));
    let missing = to_file(&bench.path("missing/log"));
    assert_eq!(bench.open(1, [Some(missing), None]), Err("ENOENT".into()));
}

#[test]
fn a_folder_that_vanishes_and_returns_costs_no_byte_and_two_messages() {
    let mut bench = Bench::new();
    let folder = bench.path("logs");
    std::fs::create_dir(&folder).unwrap();
    let mut program = bench.run(1, to_file(&folder.join("log")));
    program.write_all(b"gone with the folder\n").unwrap();
    until("written", || !bench.read("logs/log").is_empty());
    std::fs::remove_dir_all(&folder).unwrap();
    for number in 0..100 {
        writeln!(program, "line {number}").unwrap();
    }
    until("told", || bench.read("main.log").contains("ENOENT"));
    std::fs::create_dir(&folder).unwrap();
    until("written again", || bench.read("logs/log").ends_with("line 99\n"));
    assert_eq!(bench.read("logs/log").lines().count(), 100);
    writeln!(program, "and on").unwrap();
    until("goes on", || bench.read("logs/log").ends_with("line 99\nand on\n"));
    until("told once more", || bench.read("main.log").contains("is written again"));
    assert_eq!(bench.read("main.log").lines().count(), 2, "{}", bench.read("main.log"));
}

#[test]
fn a_log_that_is_removed_is_made_anew() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, to_file(&log));
    program.write_all(b"one\n").unwrap();
    until("written", || bench.read("log") == "one\n");
    std::fs::remove_file(&log).unwrap();
    program.write_all(b"two\n").unwrap();
    until("made anew", || bench.read("log") == "two\n");
}

#[test]
fn what_does_not_fit_while_a_log_is_away_is_counted() {
    let mut bench = Bench::new();
    let folder = bench.path("logs");
    std::fs::create_dir(&folder).unwrap();
    let mut program = bench.run(1, to_file(&folder.join("log")));
    std::fs::remove_dir_all(&folder).unwrap();
    let data = pattern(3_000_000);
    program.write_all(&data).unwrap();
    drop(program);
    bench.drain(1);
    std::fs::create_dir(&folder).unwrap();
    let kept = model::limits::FILE_BACKLOG;
    let words = format!("is written again ({} bytes were lost)", data.len() - kept);
    until("told", || bench.read("main.log").contains(&words));
    assert!(std::fs::read(folder.join("log")).unwrap() == data[data.len() - kept..], "the newest bytes are kept");
}

#[test]
fn a_rotation_that_fails_is_told_once_and_loses_nothing() {
    if rustix::process::geteuid().is_root() {
        // Nothing keeps root from renaming, except a folder in the place.
        let mut bench = Bench::new();
        let log = bench.path("log");
        std::fs::create_dir_all(bench.path("log.1/full")).unwrap();
        let mut program = bench.run(1, rotated(&log, 100, 1));
        for _ in 0..10 {
            program.write_all(&[b'x'; 60]).unwrap();
        }
        drop(program);
        bench.drain(1);
        bench.finish();
        assert_eq!(log.metadata().unwrap().len(), 600);
        assert_eq!(bench.read("main.log").matches("can't rotate").count(), 1);
    } else {
        let mut bench = Bench::new();
        let folder = bench.path("logs");
        std::fs::create_dir(&folder).unwrap();
        let mut program = bench.run(1, rotated(&folder.join("log"), 100, 1));
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o500)).unwrap();
        program.write_all(&[b'x'; 600]).unwrap();
        drop(program);
        bench.drain(1);
        assert_eq!(folder.join("log").metadata().unwrap().len(), 600);
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
    }
}

#[test]
fn two_programs_that_share_a_log_share_its_rotation() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let (mut one, mut two) = (bench.run(1, rotated(&log, 30, 5)), bench.run(2, rotated(&log, 30, 5)));
    for number in 0..6 {
        let (program, name) = if number % 2 == 0 { (&mut one, "one") } else { (&mut two, "two") };
        let line = format!("{name} writes {number}\n");
        program.write_all(line.as_bytes()).unwrap();
        until("written", || (0..=3).any(|old| bench.read(["log", "log.1", "log.2", "log.3"][old]).contains(&line)));
    }
    assert_eq!(bench.read("log.2"), "one writes 0\ntwo writes 1\none writes 2\n");
    assert_eq!(bench.read("log.1"), "two writes 3\none writes 4\ntwo writes 5\n");
}
