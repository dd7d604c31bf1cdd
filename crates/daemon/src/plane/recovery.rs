//! What a daemon that died had read from a pipe and not yet written is written by the next one, before it reads that pipe.
//!
//! How much of it was written is seen in the file itself: as far as it has grown by the same bytes since the last note.
//! So this may be cut short and done again. Deliberately absent: the notes (that is `in_flight`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use engine::ProcessId;
use model::Level;
use rustix::fs::{Mode, OFlags, Stat, open, stat};
use sys::{clock, errno};
use wire::python;

use super::channel::{Channel, Surroundings};
use super::in_flight::{Place, Unfinished};
use super::messages::ChannelOrder;
use super::rotate;
use super::run::Plane;

/// Whose output it was.
#[derive(Debug)]
pub struct Recovery {
    /// Which process.
    pub process: ProcessId,
    /// Its name.
    pub name: Arc<str>,
    /// What was to be done with its output.
    pub order: ChannelOrder,
    /// It runs on under this daemon; otherwise its output is only logged.
    pub adopted: bool,
}

impl Plane {
    /// Write what is left of the output that another daemon had in hand.
    pub(super) fn recover(&mut self, recovery: Recovery) {
        let Recovery { process, name, order, adopted } = recovery;
        if let Some(unfinished) = self.buffer.unfinished() {
            match self.open_sink(&order) {
                Ok(sink) => {
                    let mut channel = Channel::new(order, sink);
                    let mut around =
                        Surroundings { process, name: &name, logs: &mut self.logs, reports: &self.reports };
                    write(&mut channel, &unfinished, adopted, &mut around);
                    if let Some(sink) = channel.sink {
                        self.logs.sinks.release(sink);
                    }
                }
                Err(error) => {
                    let (name, channel, bytes) = (python::repr(&name), order.channel.name(), unfinished.data.len());
                    let why = errno::of(&error);
                    let text = format!("{bytes} bytes of {name} {channel} are lost, its log cannot be opened: {why}");
                    self.logs.log(Level::Error, clock::wall(), &text);
                }
            }
        }
        self.buffer.end();
    }
}

fn write(channel: &mut Channel, unfinished: &Unfinished, adopted: bool, around: &mut Surroundings<'_>) {
    let (text, captured) = channel.filter_whole(&unfinished.data);
    let skipped = match (&channel.order.path, unfinished.place) {
        (Some(path), Some(place)) => written(path, place, &text),
        _ => 0,
    };
    let rest = text.get(skipped..).unwrap_or_default();
    // What comes after the log has most likely been done too if that has.
    if rest.is_empty() && unfinished.place.is_some() {
        return;
    }
    let (name, which) = (python::repr(around.name), channel.order.channel.name());
    around.logs.log(
        Level::Info,
        clock::wall(),
        &format!("logged what was in hand of {name} {which}: {} bytes", rest.len()),
    );
    around.logs.sinks.resume_output(skipped);
    channel.emit_recovered(rest, &text, adopted, around);
    if adopted {
        captured.into_iter().for_each(|data| channel.report_captured(data, around));
    }
}

/// How many bytes of the output are in the log.
fn written(path: &Path, place: Place, output: &[u8]) -> usize {
    let before = usize::try_from(place.before).unwrap_or(usize::MAX).min(output.len());
    let length = usize::try_from(place.length).unwrap_or(usize::MAX);
    let whole = before.saturating_add(length).min(output.len());
    if place.file == (0, 0) {
        return before;
    }
    let is_it = |found: &Stat| (found.st_dev, found.st_ino) == place.file;
    let candidates = [path.to_path_buf(), rotate::numbered(path, 1)];
    let mut there = candidates.iter().filter_map(|path| Some((path, stat(path).ok().filter(is_it)?)));
    let Some((path, found)) = there.next() else {
        // It is rotated after a write that was whole.
        return whole;
    };
    let Some(grown) = found.st_size.cast_unsigned().checked_sub(place.size) else {
        // So it is emptied.
        return whole;
    };
    let expected = output.get(before..whole).unwrap_or_default();
    before
        + match read(path, place.size, expected.len()) {
            Ok(found) => expected.iter().zip(&found).take_while(|(one, other)| one == other).count(),
            // A log that may be written and not read.
            Err(_) => usize::try_from(grown).unwrap_or(usize::MAX).min(expected.len()),
        }
}

/// So much of a file, from this place on, as there is. What has become a pipe meanwhile makes nobody wait.
fn read(path: &Path, from: u64, length: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty())?);
    let mut found = vec![0; length];
    let mut count = 0;
    while let more @ 1.. =
        file.read_at(found.get_mut(count..).unwrap_or_default(), from.saturating_add(count as u64))?
    {
        count += more;
    }
    found.truncate(count);
    Ok(found)
}
