//! Pipes that bring so much, piece by piece, that being woken for each piece costs more than the bytes: they are not waited
//! for, but read in rounds, as network drivers do under load.
//!
//! Every write to a pipe that epoll watches calls back into the poll. 200 programs that write lines get twice as far
//! without. A round comes when the fastest pipe should be two fifths full, so that no writer has to wait, and 10 ms after the
//! one before at the latest. A pipe too fast for such pauses, or that has become quiet, goes back to the poll.
//! Deliberately absent: the reading itself (that is `run`).

use std::collections::BTreeMap;
use std::time::Duration;

use model::Moment;

/// A pipe is looked at for so long before its pace is judged;
const WINDOW: Duration = Duration::from_millis(2);
/// if nobody looked for so long, it begins anew.
const STALE: Duration = Duration::from_millis(100);
/// It is busy if it was read so many times in that while,
const OFTEN: u32 = 16;
/// or brought so many bytes.
const MUCH: usize = 32 * 1024;
/// A round comes so long after the one before at the latest: nobody who follows a log notices.
const LONGEST: Duration = Duration::from_millis(10);
/// Below this a pause is not worth a timer.
const SHORTEST: Duration = Duration::from_micros(200);
/// So many pipes are never too fast.
const MANY: usize = 8;
/// A pipe that brings less than this in the longest pause is quiet.
const LITTLE: usize = 2560;
/// So full is a pipe to be when it is read. A write that does not fit into the last page of a pipe begins a page of its own,
/// so that a pipe can be full with half of what it holds: aiming at that, a pause that was too long once would stay so.
const FULL_ENOUGH: f64 = 0.4;

/// How a watched pipe has been read lately.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    since: Moment,
    reads: u32,
    bytes: usize,
}

impl Pace {
    /// It was read: true if it is better read in rounds from now on. A pipe that fills faster than pauses are long is not.
    pub fn read(&mut self, now: Moment, count: usize, capacity: usize) -> bool {
        (self.reads, self.bytes) = (self.reads.saturating_add(1), self.bytes.saturating_add(count));
        let looked = now.since(self.since);
        if looked < WINDOW {
            return false;
        }
        let brings = self.reads >= OFTEN || self.bytes >= MUCH;
        let slowly = full_enough(looked, self.bytes, capacity) >= SHORTEST.mul_f64(1.5);
        *self = Self { since: now, reads: 0, bytes: 0 };
        brings && slowly && looked < STALE
    }
}

/// How long a pipe takes to be full enough that brought so many bytes in this while.
fn full_enough(time: Duration, bytes: usize, capacity: usize) -> Duration {
    time.mul_f64(capacity as f64 * FULL_ENOUGH / bytes.max(1) as f64)
}

/// The pipes that are read in rounds, by their tokens.
#[derive(Debug, Default)]
pub struct Busy {
    /// Each with what the last round brought, and what it holds.
    pipes: BTreeMap<u64, (usize, usize)>,
    began: Moment,
    /// From the round before the last to the last.
    between: Duration,
    due: Moment,
}

impl Busy {
    /// Read this one in rounds; it holds so many bytes, and has just brought `count`.
    pub fn enter(&mut self, token: u64, count: usize, capacity: usize, now: Moment) {
        if self.pipes.is_empty() {
            (self.began, self.between) = (now, LONGEST);
            self.due = now.after(SHORTEST);
        }
        self.pipes.insert(token, (count, capacity));
    }

    /// It is waited for again, or gone.
    pub fn leave(&mut self, token: u64) {
        self.pipes.remove(&token);
    }

    /// It is read in rounds.
    pub fn has(&self, token: u64) -> bool {
        self.pipes.contains_key(&token)
    }

    /// When the next round is due.
    pub fn due(&self) -> Option<Moment> {
        (!self.pipes.is_empty()).then_some(self.due)
    }

    /// A round begins: who is to be read.
    pub fn round(&mut self, now: Moment) -> Vec<u64> {
        self.between = now.since(self.began);
        self.began = now;
        self.pipes.keys().copied().collect()
    }

    /// It has brought so much in this round.
    pub fn brought(&mut self, token: u64, count: usize, capacity: usize) {
        if let Some(pipe) = self.pipes.get_mut(&token) {
            *pipe = (count, capacity);
        }
    }

    /// The round is over: who is to be waited for again. The next one comes when the fastest of the others should be full enough.
    pub fn ended(&mut self) -> Vec<u64> {
        let pause = |(count, capacity): (usize, usize)| {
            let time = full_enough(self.between, count, capacity);
            // Its writer has waited: how fast it would be is not known.
            if count >= capacity { time.min(self.between / 2) } else { time }
        };
        // With many, the round itself takes so long that it needs no pause.
        let many = self.pipes.len() >= MANY;
        let is_quiet = |count: usize| self.between.mul_f64(LITTLE as f64 / count.max(1) as f64) > LONGEST;
        let fits = |pipe: &(usize, usize)| !is_quiet(pipe.0) && (many || pause(*pipe) >= SHORTEST);
        let leaving: Vec<u64> = self.pipes.iter().filter(|(_, pipe)| !fits(pipe)).map(|(token, _)| *token).collect();
        let next = self.pipes.values().filter(|pipe| fits(pipe)).map(|pipe| pause(*pipe)).min().unwrap_or(LONGEST);
        leaving.iter().for_each(|token| self.leave(*token));
        self.due = self.began.after(next.min(LONGEST));
        leaving
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: usize = 64 * 1024;

    fn at(micros: u64) -> Moment {
        Moment(1_000_000_000 + micros * 1000)
    }

    /// One pipe that fills at this rate, in bytes a microsecond: when it is read, until it leaves or many rounds are over.
    fn rounds(rate: f64) -> (Vec<u64>, bool) {
        rounds_of(rate, PIPE, 0)
    }

    /// The same of a pipe that takes no more than `room`, and the first round comes late.
    fn rounds_of(rate: f64, room: usize, late: u64) -> (Vec<u64>, bool) {
        let mut busy = Busy::default();
        busy.enter(1, 1024, PIPE, at(0));
        let (mut times, mut last) = (Vec::new(), 0.0);
        for number in 0..50 {
            let now = busy.due().unwrap().0 / 1000 - 1_000_000 + if number == 0 { late } else { 0 };
            busy.round(at(now));
            let count = ((now as f64 - last) * rate).min(room as f64) as usize;
            (last, _) = (now as f64, times.push(now));
            busy.brought(1, count, PIPE);
            if !busy.ended().is_empty() {
                return (times, true);
            }
        }
        (times, false)
    }

    #[test]
    fn a_pipe_is_read_when_it_is_two_fifths_full_and_every_10_ms_at_least() {
        let (times, left) = rounds(20.0);
        let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(!left && pauses.iter().skip(3).all(|pause| (1200..1450).contains(pause)), "{pauses:?}");
        let (times, left) = rounds(2.0);
        assert!(!left && times.windows(2).skip(1).all(|pair| pair[1] - pair[0] == 10_000), "{times:?}");
    }

    #[test]
    fn a_pipe_that_is_quiet_or_too_fast_for_pauses_goes_back() {
        assert!(rounds(0.2).1, "2,000 bytes in 10 ms are little");
        assert!(rounds(400.0).1, "half of it fills in 82 µs");
    }

    #[test]
    fn a_pipe_that_is_full_with_half_of_what_it_holds_is_not_taken_for_slow() {
        // Sixteen lines of 2,049 bytes, each in a page of its own.
        let (times, left) = rounds_of(400.0, 16 * 2049, 3000);
        assert!(left, "{times:?}");
    }

    /// Whether it becomes busy that brings `count` bytes each so many microseconds.
    fn becomes_busy(count: usize, every: u64) -> bool {
        let mut pace = Pace::default();
        (0..1000).any(|number| pace.read(at(number * every), count, PIPE))
    }

    #[test]
    fn a_pipe_is_busy_by_what_it_brings_or_by_how_often() {
        assert!(becomes_busy(100, 50), "20,000 lines a second");
        assert!(becomes_busy(PIPE, 5000), "a full pipe each round of many");
        assert!(!becomes_busy(100, 1000), "a line a millisecond");
        assert!(!becomes_busy(PIPE, 50), "1.3 GB a second");
        assert!(!becomes_busy(PIPE, 200_000), "a burst now and then");
    }
}
