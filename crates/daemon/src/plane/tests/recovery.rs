//! A daemon dies between a read and the end of a write: at each point, what was in hand is in the log once.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use super::*;

const DEAD: Owner = (77, 1234);
const NEXT: Owner = (78, 5678);
const CAME: &[u8] = b"first line\nsecond line\n";

/// The dead daemon: a folder with its log, and the memory that outlives it.
struct Dead {
    folder: tempfile::TempDir,
    buffer: Buffer,
}

impl Dead {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("log"), "before\n").unwrap();
        Self { folder, buffer: Buffer::outliving(DEAD).unwrap() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// It dies right after the read, of which it has noted nothing.
    fn read(&mut self, data: &[u8]) {
        self.begin(data.len())[..data.len()].copy_from_slice(data);
    }

    fn begin(&mut self, asked: usize) -> &mut [u8] {
        self.buffer.begin(ProcessId(5), Channel::Stdout, asked)
    }

    /// It has noted the read, and that it is about to write so much; so much of that is in the file.
    fn write(&mut self, length: usize, written: &[u8]) {
        self.buffer.came(CAME.len());
        let notes = self.buffer.notes();
        let found = fs::metadata(self.log()).unwrap();
        notes.writing((found.dev(), found.ino()), found.len(), length);
        fs::OpenOptions::new().append(true).open(self.log()).unwrap().write_all(written).unwrap();
    }

    /// The next daemon: what is in the log then, and in the old copy. It dies itself when it is nearly done, and another one
    /// follows.
    fn recovered(self, order: &ChannelOrder) -> (String, String) {
        let Self { folder, buffer } = self;
        let id = buffer.id().unwrap();
        assert!(Buffer::take_over(id, NEXT, NEXT).is_err(), "it is another daemon's");
        drop(buffer);
        let mut owner = DEAD;
        for _ in 0..2 {
            let buffer = Buffer::take_over(id, owner, NEXT).unwrap();
            owner = NEXT;
            let left = buffer.unfinished();
            let plane = start(Logs::open(&daemon_config(folder.path().join("main.log"), Level::Warn)).unwrap(), buffer);
            let plane = plane.unwrap();
            let recovery = Recovery { process: ProcessId(5), name: "p".into(), order: order.clone(), adopted: true };
            plane.orders.send(Order::Recover(Box::new(recovery)));
            let (_, reports) = plane.hand_over();
            assert!(reports.is_empty(), "nobody has asked for events: {reports:?}");
            if let Some(left) = left {
                Buffer::take_over(id, NEXT, NEXT).unwrap().undo_end(&left.data);
            }
        }
        let last = Buffer::take_over(id, NEXT, NEXT).unwrap();
        last.remove();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        (read("log"), read("log.1"))
    }

    fn logged(self) -> String {
        let order = to_file(&self.log());
        self.recovered(&order).0
    }
}

const WHOLE: &str = "before\nfirst line\nsecond line\n";

#[test]
fn what_was_read_and_not_even_noted_is_logged() {
    let mut dead = Dead::new();
    dead.read(CAME);
    assert_eq!(dead.logged(), WHOLE);
}

#[test]
fn what_was_written_in_part_is_completed_and_what_was_written_is_not_written_again() {
    for count in 0..=CAME.len() {
        let mut dead = Dead::new();
        dead.read(CAME);
        dead.write(CAME.len(), &CAME[..count]);
        assert_eq!(dead.logged(), WHOLE, "{count} bytes were written");
    }
}

#[test]
fn of_output_in_pieces_the_ones_that_were_written_are_left_out() {
    let mut dead = Dead::new();
    dead.read(CAME);
    dead.write(11, &CAME[..11]);
    dead.write(12, &CAME[11..15]);
    assert_eq!(dead.logged(), WHOLE);
}

#[test]
fn a_log_that_was_rotated_or_emptied_after_the_write_gets_nothing_more() {
    let mut dead = Dead::new();
    dead.read(CAME);
    dead.write(CAME.len(), CAME);
    let log = dead.log();
    fs::rename(&log, dead.folder.path().join("log.1")).unwrap();
    assert_eq!(dead.recovered(&rotated(&log, 10, 1)), (String::new(), WHOLE.into()));
    let mut dead = Dead::new();
    dead.read(CAME);
    dead.write(CAME.len(), CAME);
    let log = dead.log();
    fs::write(&log, "").unwrap();
    assert_eq!(dead.recovered(&rotated(&log, 10, 0)).0, "");
}

#[test]
fn what_somebody_else_has_appended_meanwhile_is_not_taken_for_it() {
    let mut dead = Dead::new();
    dead.read(CAME);
    dead.write(CAME.len(), b"other\n");
    assert_eq!(dead.logged(), "before\nother\nfirst line\nsecond line\n");
}

#[test]
fn sequences_are_stripped_from_what_was_in_hand_too() {
    let mut dead = Dead::new();
    dead.read(b"\x1b[31mred\x1b[0m\n");
    dead.buffer.came(13);
    let mut order = to_file(&dead.log());
    order.strip_ansi = true;
    assert_eq!(dead.recovered(&order).0, "before\nred\n");
}

#[test]
fn a_read_that_did_not_happen_brings_nothing_of_the_one_before() {
    for asked in [0, 1, 7, 8, 9, CAME.len()] {
        let mut dead = Dead::new();
        dead.read(CAME);
        dead.write(CAME.len(), CAME);
        dead.buffer.end();
        assert!(dead.buffer.unfinished().is_none(), "it is done");
        dead.begin(asked);
        assert_eq!(dead.buffer.whose(), Some((ProcessId(5), Channel::Stdout)));
        assert!(dead.buffer.unfinished().is_none(), "{asked} bytes were asked for");
        assert_eq!(dead.logged(), WHOLE);
    }
}

#[test]
fn a_few_bytes_that_came_when_nothing_was_known_of_them_are_logged() {
    let mut dead = Dead::new();
    dead.begin(0)[..5].copy_from_slice(b"five\n");
    assert_eq!(dead.logged(), "before\nfive\n");
}
