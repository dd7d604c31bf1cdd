//! Reading a log for `read…Log` and `tail…Log`, by the reference's rules (options.py `readFile` and `tailFile`).
//!
//! It is done by threads that may wait for a disk. What is read has a bound: a client that wants more of a log than that asks
//! again with a higher offset.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use engine::LogRead;
use model::{Fault, FaultCode, Value, limits};
use rustix::fs::OFlags;
use tokio::task::spawn_blocking;

use super::serve::Front;

/// Bytes of one answer: more than a log grows to before it is rotated, unless it is told otherwise.
const MOST: u64 = limits::HTTP_BODY as u64;
/// What needs no share of the front's memory.
const SMALL: u64 = 64 * 1024;

/// Reads what a call asks for.
///
/// # Errors
/// NO_FILE, BAD_ARGUMENTS or FAILED.
pub(super) async fn read(front: &Front, order: LogRead) -> Result<Value, Fault> {
    let Some(path) = order.path.clone() else {
        return if order.tail { Ok(nothing(0)) } else { Err(Fault::bare(FaultCode::NoFile)) };
    };
    let wanted = wanted(&order);
    let share = if wanted > SMALL {
        // How much there really is decides, not what the client asks for.
        let sized = path.clone();
        let there = spawn_blocking(move || sized.metadata().map_or(0, |found| found.len())).await.unwrap_or(0);
        let bytes = usize::try_from(wanted.min(there)).unwrap_or(usize::MAX);
        Some(front.share(bytes).ok_or_else(|| Fault::about(FaultCode::Failed, "too much is being read at once"))?)
    } else {
        None
    };
    let result = spawn_blocking(move || if order.tail { tail(&path, &order) } else { piece(&path, &order) }).await;
    drop(share);
    result.unwrap_or_else(|_| Err(Fault::bare(FaultCode::Failed)))
}

fn wanted(order: &LogRead) -> u64 {
    let length = if order.tail || order.offset >= 0 { order.length } else { order.offset };
    if length == 0 && !order.tail { MOST } else { length.unsigned_abs().min(MOST) }
}

fn nothing(offset: i64) -> Value {
    Value::Array(vec![Value::from(""), Value::Int(offset), Value::Bool(false)])
}

fn piece(path: &Path, order: &LogRead) -> Result<Value, Fault> {
    if !path.exists() {
        return Err(Fault::about(FaultCode::NoFile, path.display()));
    }
    let failed = |_| Fault::bare(FaultCode::Failed);
    let (mut file, size) = open(path).map_err(failed)?;
    let (begin, length) = match (order.offset, order.length) {
        (offset @ ..0, 0) => (size.saturating_sub(offset.unsigned_abs()), offset.unsigned_abs()),
        (..0, _) | (_, ..0) => return Err(Fault::bare(FaultCode::BadArguments)),
        (offset, 0) => (offset.unsigned_abs(), MOST),
        (offset, length) => (offset.unsigned_abs(), length.unsigned_abs()),
    };
    let bytes = slice(&mut file, begin, length.min(MOST)).map_err(failed)?;
    Ok(Value::from(text(bytes, begin == 0)))
}

fn tail(path: &Path, order: &LogRead) -> Result<Value, Fault> {
    let Ok((mut file, size)) = open(path) else {
        return Ok(nothing(if path.exists() { order.offset } else { 0 }));
    };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let (mut offset, mut length) = (order.offset, order.length);
    let overflow = size > offset.saturating_add(length);
    if overflow {
        offset = size - 1;
    }
    if offset.saturating_add(length) > size {
        if offset > size - 1 {
            length = 0;
        }
        offset = size.saturating_sub(length);
    }
    let (begin, length) = (u64::try_from(offset).unwrap_or(0), u64::try_from(length).unwrap_or(0));
    let bytes = slice(&mut file, begin, length.min(MOST)).unwrap_or_default();
    Ok(Value::Array(vec![Value::from(text(bytes, begin == 0)), Value::Int(size), Value::Bool(overflow)]))
}

/// Opens a log without waiting for whoever may be at the other end of it; pipes and terminals cannot be read back. Many
/// containers log to /dev/null: it is an empty log.
pub(super) fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if found.is_file() || is_null(&found) { Ok((file, found.len())) } else { Err(io::ErrorKind::Unsupported.into()) }
}

fn is_null(found: &Metadata) -> bool {
    const NULL: (u32, u32) = (1, 3);
    let device = found.rdev();
    found.file_type().is_char_device() && (rustix::fs::major(device), rustix::fs::minor(device)) == NULL
}

fn slice(file: &mut File, begin: u64, length: u64) -> io::Result<Vec<u8>> {
    // Some file systems refuse to seek very far; beyond the end there is nothing anyway.
    file.seek(SeekFrom::Start(begin.min(file.metadata()?.len())))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of a log as text. A character that the piece begins or ends within is left out, so that a client that goes on by what
/// it got finds it whole; what is no UTF-8 becomes U+FFFD.
fn text(mut bytes: Vec<u8>, from_start: bool) -> String {
    if !from_start {
        let cut = bytes.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
        bytes.drain(..cut);
    }
    bytes.truncate(bytes.len() - unfinished(&bytes));
    // A sound log of megabytes is not copied.
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// How many bytes at the end belong to a character that is not whole.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(4);
    let tail = bytes.get(last..).unwrap_or_default().utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    match std::str::from_utf8(tail) {
        Err(error) if error.error_len().is_none() => tail.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use engine::LogRead;
    use model::{FaultCode, Value};

    use super::{piece, tail, text};

    fn order(path: &Path, offset: i64, length: i64) -> LogRead {
        LogRead { path: Some(path.to_owned()), offset, length, tail: false }
    }

    #[test]
    fn a_log_is_read_in_pieces_as_the_reference_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "abcdefghij").unwrap();
        for (offset, length, expected) in [
            (0, 0, Some("abcdefghij")),
            (0, 4, Some("abcd")),
            (3, 0, Some("defghij")),
            (8, 100, Some("ij")),
            (50, 5, Some("")),
            (i64::MAX, 0, Some("")),
            (-4, 0, Some("ghij")),
            (-50, 0, Some("abcdefghij")),
            (i64::MIN, 0, Some("abcdefghij")),
            (-4, 2, None),
            (0, -1, None),
        ] {
            let got = piece(&path, &order(&path, offset, length));
            match expected {
                Some(words) => assert_eq!(got, Ok(Value::from(words)), "{offset},{length}"),
                None => assert_eq!(got.unwrap_err().code, FaultCode::BadArguments, "{offset},{length}"),
            }
        }
        let missing = folder.path().join("no");
        assert_eq!(piece(&missing, &order(&missing, 0, 0)).unwrap_err().code, FaultCode::NoFile);
        assert_eq!(piece(folder.path(), &order(folder.path(), 0, 0)).unwrap_err().code, FaultCode::Failed);
    }

    #[test]
    fn the_null_device_is_an_empty_log() {
        let null = Path::new("/dev/null");
        for (offset, length) in [(0, 0), (0, 10), (5, 5), (-5, 0)] {
            assert_eq!(piece(null, &order(null, offset, length)), Ok(Value::from("")), "{offset},{length}");
        }
        let nothing = Value::Array(vec![Value::from(""), Value::Int(0), Value::Bool(false)]);
        assert_eq!(tail(null, &order(null, 0, 10)), Ok(nothing));
        let zero = Path::new("/dev/zero");
        assert_eq!(piece(zero, &order(zero, 0, 10)).unwrap_err().code, FaultCode::Failed);
    }

    #[test]
    fn a_tail_gives_the_last_bytes_and_says_whether_it_left_some_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "abcdefghij").unwrap();
        for (offset, length, words, overflow) in [
            (0, 0, "", true),
            (0, 10, "abcdefghij", false),
            (0, 9, "bcdefghij", true),
            (4, 4, "ghij", true),
            (10, 4, "", false),
            (8, 4, "ghij", false),
            (i64::MAX, i64::MAX, "", false),
            (0, -5, "", true),
        ] {
            let expected = Value::Array(vec![Value::from(words), Value::Int(10), Value::Bool(overflow)]);
            assert_eq!(tail(&path, &order(&path, offset, length)), Ok(expected), "{offset},{length}");
        }
    }

    #[test]
    fn text_is_cut_between_characters_and_holds_no_broken_ones() {
        let bytes = "aüb".as_bytes();
        for (bytes, from_start, expected) in [
            (&bytes[..2], true, "a"),
            (&bytes[2..], false, "b"),
            (&"abcd😀".as_bytes()[..7], true, "abcd"),
            (b"a\xffb", true, "a\u{fffd}b"),
            (b"a\xff", true, "a\u{fffd}"),
            (b"", false, ""),
        ] {
            assert_eq!(text(bytes.to_vec(), from_start), expected, "{bytes:?}");
        }
    }
}
