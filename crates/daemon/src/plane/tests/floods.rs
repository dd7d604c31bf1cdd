//! Programs that write all the time, many of them at once: their pipes are read in rounds, and the poll has them back when
//! they become quiet.

use super::*;

const PROGRAMS: u32 = 20;
const LINES: u32 = 10_000;

fn line(number: u32) -> String {
    format!("line {number:06} of a program that writes as fast as it can\n")
}

#[test]
fn what_many_write_at_once_is_logged_whole_and_in_order_also_when_they_pause_and_end() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..PROGRAMS).map(|number| format!("log{number}")).collect();
    let programs: Vec<File> =
        (0..PROGRAMS).zip(&names).map(|(n, name)| bench.run(n, to_file(&bench.path(name)))).collect();
    let flood = |mut program: File| {
        move || {
            (0..LINES).for_each(|number| program.write_all(line(number).as_bytes()).unwrap());
            program
        }
    };
    let writers: Vec<_> = programs.into_iter().map(|program| std::thread::spawn(flood(program))).collect();
    let programs: Vec<File> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let mut text: String = (0..LINES).map(line).collect();
    for name in &names {
        until("logged", || bench.read(name).len() >= text.len());
    }
    // What a quiet program says after its flood is heard at once, without an end or a drain.
    for (mut program, name) in programs.iter().zip(&names) {
        program.write_all(b"one more\n").unwrap();
        until("heard again", || bench.read(name).ends_with("one more\n"));
    }
    text += "one more\n";
    drop(programs);
    for number in 0..PROGRAMS {
        bench.drain(number);
    }
    assert!(names.iter().all(|name| bench.read(name) == text));
}

#[test]
fn a_drain_in_the_middle_of_a_flood_takes_what_was_written_and_the_next_start_is_heard() {
    let mut bench = Bench::new();
    let log = bench.path("log");
    let mut program = bench.run(1, to_file(&log));
    for number in 0..LINES {
        program.write_all(line(number).as_bytes()).unwrap();
    }
    drop(program);
    bench.drain(1);
    let whole: String = (0..LINES).map(line).collect();
    assert_eq!(bench.read("log"), whole);
    let mut next = bench.run(1, to_file(&log));
    next.write_all(b"next\n").unwrap();
    until("heard", || bench.read("log").ends_with("next\n"));
}

#[test]
fn a_program_with_a_small_pipe_is_not_slowed_down() {
    let mut bench = Bench::new();
    bench.open(1, [Some(to_file(&bench.path("log"))), None]).unwrap();
    // What the kernel gives to a user who has many pipes is hardly more.
    let pipe = pipes::output(PipeOptions { size: Some(4096), ..PipeOptions::default() }).unwrap();
    bench.order(Order::Attach { process: ProcessId(1), pid: 1, pipes: [Some(pipe.ours), None] });
    let mut program = File::from(pipe.theirs);
    let began = Instant::now();
    for _ in 0..400 {
        (0..1000).for_each(|number| program.write_all(line(number).as_bytes()).unwrap());
    }
    // A pipe full every 10 ms would take a minute.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}
