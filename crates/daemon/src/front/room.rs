//! Who makes room when there are too many connections.
//!
//! A client whose request is not complete, or who waits because it guessed passwords, goes before one that is idle, and of each
//! the one that has been so for longest; who waits for an answer or is sent a stream stays. An address with many connections
//! gives one of its own, and none gets more than half of them all: so whoever attacks makes room for everybody else. A user of
//! this machine may have more, if they all wait for answers: scripts start hundreds of programs at once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::auth::Origin;

/// Lines about clients that are let go or turned away come no more often than this.
const SILENCE: Duration = Duration::from_secs(10);

/// What a connection is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It has not asked for anything yet, and begun to; since when.
    Unfinished(Instant),
    /// It does nothing; since when.
    Idle(Instant),
    /// It is being served.
    Served,
}

/// A connection, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guest {
    /// Its number.
    pub number: u64,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is worth.
    pub standing: Standing,
}

/// What is to be done for one that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing.
    Free,
    /// This one has to go.
    After(u64),
    /// It cannot come in.
    Full,
}

/// Finds room for one that comes from `origin`, if no more than `most` may be there.
pub(super) fn find(guests: &[Guest], origin: Origin, most: usize) -> Room {
    let own = guests.iter().filter(|guest| guest.origin == origin).count();
    if own >= most / 2 {
        let room = worst(guests.iter().filter(|guest| guest.origin == origin));
        if room != Room::Full || matches!(origin, Origin::Address(_)) {
            return room;
        }
    }
    if guests.len() < most {
        return Room::Free;
    }
    let mut crowds: HashMap<Origin, usize> = HashMap::new();
    for guest in guests {
        *crowds.entry(guest.origin).or_default() += 1;
    }
    let can_go = |guest: &&Guest| guest.standing != Standing::Served;
    let largest = guests.iter().filter(can_go).filter_map(|guest| crowds.get(&guest.origin)).max();
    worst(guests.iter().filter(|guest| crowds.get(&guest.origin) == largest))
}

fn worst<'a>(guests: impl Iterator<Item = &'a Guest>) -> Room {
    let worst = guests.filter(|guest| guest.standing != Standing::Served).min_by_key(|guest| guest.standing);
    worst.map_or(Room::Full, |guest| Room::After(guest.number))
}

/// Counts what overflows, and tells it now and then.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    count: u64,
    told: Option<Instant>,
}

impl Overflow {
    /// One more; how many there were since this was last told, if it is time to tell it.
    pub fn one_more(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < SILENCE) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::Standing::{Idle, Served, Unfinished};
    use super::*;

    /// A user up to 9, and an address above.
    fn origin(number: u8) -> Origin {
        if number < 10 { Origin::User(Some(number.into())) } else { Origin::Address([10, 0, 0, number].into()) }
    }

    fn guests(rows: &[(u8, Standing)]) -> Vec<Guest> {
        let guest = |(number, (from, standing)): (usize, &(u8, Standing))| Guest {
            number: number as u64,
            origin: origin(*from),
            standing: *standing,
        };
        rows.iter().enumerate().map(guest).collect()
    }

    #[test]
    fn the_oldest_unfinished_request_of_the_largest_crowd_goes_first() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let come = |rows: &[(u8, Standing)], from| find(&guests(rows), origin(from), 6);
        for crowd in [2, 20] {
            let attacked =
                [(1, Idle(at(0))), (crowd, Unfinished(at(2))), (crowd, Unfinished(at(1))), (crowd, Idle(at(0)))];
            assert_eq!(come(&attacked[..2], 9), Room::Free);
            // Half of all are there: a fourth of that crowd has to replace one of its own, anybody else comes in.
            assert_eq!((come(&attacked, crowd), come(&attacked, 9)), (Room::After(2), Room::Free));
            let full = [attacked.as_slice(), &[(3, Unfinished(at(0))), (4, Served)]].concat();
            assert_eq!(come(&full, 9), Room::After(2));
        }
        let served =
            |from| [(1, Served), (from, Served), (from, Served), (from, Served), (3, Served), (4, Idle(at(5)))];
        assert_eq!((come(&served(2), 9), come(&served(20), 9)), (Room::After(5), Room::After(5)));
        // Calls that wait have no end of their own: those of an address stay below half, a user's may be more.
        assert_eq!((come(&served(2), 2), come(&served(20), 20)), (Room::After(5), Room::Full));
        assert_eq!(come(&[(1, Served); 6], 9), Room::Full);
    }

    #[test]
    fn what_overflows_is_counted_and_told_now_and_then() {
        let (mut overflow, begun) = (Overflow::default(), Instant::now());
        assert_eq!(overflow.one_more(begun), Some(1));
        assert_eq!((overflow.one_more(begun), overflow.one_more(begun)), (None, None));
        assert_eq!(overflow.one_more(begun + SILENCE), Some(3));
    }
}
