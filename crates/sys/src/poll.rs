//! Waiting: epoll(7) with tokens, and a deadline that also passes during suspend.
//!
//! The deadline is a timerfd on CLOCK_BOOTTIME, because epoll's own timeouts stand still while the machine sleeps.
//! Deliberately absent: edge triggering, callbacks, ticks. With neither event nor deadline nothing wakes.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use model::Moment;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or the end.
    Read,
    /// Room to write, or nobody who reads.
    Write,
    /// Both.
    Both,
}

impl Interest {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN,
            Self::Write => EventFlags::OUT,
            Self::Both => EventFlags::IN.union(EventFlags::OUT),
        }
    }
}

/// What a descriptor is ready for. An error or a hang-up counts as ready for what was asked: the call then tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// As given to `add`.
    pub token: u64,
    /// Reading does not wait.
    pub readable: bool,
    /// Writing does not wait.
    pub writable: bool,
    /// The other side has gone, or the descriptor is in error.
    pub closed: bool,
}

/// Descriptors that are watched.
#[derive(Debug)]
pub struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    /// What the timer is set to.
    armed: Option<Moment>,
}

/// The token of the timer; callers do not use it.
const TIMER: u64 = u64::MAX;
/// Events taken in one call: more come with the next.
const EVENTS: usize = 256;

impl Poll {
    /// Nothing is watched yet.
    ///
    /// # Errors
    /// No descriptor is left (EMFILE, ENFILE).
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        Ok(Self { epoll, timer, armed: None })
    }

    /// Watch a descriptor.
    ///
    /// # Errors
    /// EEXIST: it is watched already; EPERM: it is a plain file, which is always ready; ENOSPC, ENOMEM.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    /// Watch it for something else. To watch for nothing, `remove` it: a hang-up is told whatever was asked.
    ///
    /// # Errors
    /// ENOENT: it is not watched.
    pub fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(token), interest.flags())?)
    }

    /// Watch it no more. Needed before it is closed only if a copy of it stays open elsewhere.
    ///
    /// # Errors
    /// ENOENT: it is not watched.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Wait for events or the deadline; `events` is replaced. It may come back with none before the deadline.
    ///
    /// # Errors
    /// None that are known; an interrupted wait is no error.
    pub fn wait(&mut self, deadline: Option<Moment>, events: &mut Vec<Event>) -> io::Result<()> {
        self.arm(deadline)?;
        self.take(None, events)
    }

    /// Take the events that are there, without waiting and without regard to the deadline; `events` is replaced.
    ///
    /// # Errors
    /// As `wait`.
    pub fn look(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        self.take(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }), events)
    }

    fn take(&mut self, timeout: Option<&Timespec>, events: &mut Vec<Event>) -> io::Result<()> {
        events.clear();
        let mut buffer = [const { MaybeUninit::uninit() }; EVENTS];
        let ready = match epoll::wait(&self.epoll, &mut buffer, timeout) {
            Ok((ready, _)) => ready,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in ready {
            let (token, flags) = (event.data.u64(), event.flags);
            if token == TIMER {
                // Setting it anew clears it, and the next wait does.
                self.armed = None;
                self.disarm()?;
                continue;
            }
            let closed = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            events.push(Event {
                token,
                readable: closed || flags.contains(EventFlags::IN),
                writable: closed || flags.contains(EventFlags::OUT),
                closed,
            });
        }
        Ok(())
    }

    fn arm(&mut self, deadline: Option<Moment>) -> io::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        self.armed = deadline;
        // Zero would switch it off; any moment that has passed fires at once.
        deadline.map_or_else(|| self.disarm(), |moment| self.set(moment.0.max(1)))
    }

    fn disarm(&self) -> io::Result<()> {
        self.set(0)
    }

    fn set(&self, nanoseconds: u64) -> io::Result<()> {
        let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX);
        let value = Timespec { tv_sec: seconds, tv_nsec: i64::try_from(nanoseconds % 1_000_000_000).unwrap_or(0) };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn a_deadline_ends_the_wait_not_before_its_time() {
        let (mut poll, mut events) = (Poll::new().unwrap(), Vec::new());
        for _ in 0..2 {
            let deadline = clock::now().after(Duration::from_millis(20));
            poll.wait(Some(deadline), &mut events).unwrap();
            assert!(events.is_empty());
            assert!(clock::now() >= deadline);
        }
        poll.wait(Some(Moment(0)), &mut events).unwrap();
    }

    #[test]
    fn what_is_ready_is_told_by_its_token() {
        let (mut poll, mut events) = (Poll::new().unwrap(), Vec::new());
        let (read, write) = rustix::pipe::pipe().unwrap();
        poll.add(&read, 7, Interest::Read).unwrap();
        rustix::io::write(&write, b"x").unwrap();
        poll.wait(None, &mut events).unwrap();
        assert_eq!(events, [Event { token: 7, readable: true, writable: false, closed: false }]);
        rustix::io::read(&read, &mut [0; 1]).unwrap();
        drop(write);
        poll.wait(None, &mut events).unwrap();
        assert_eq!(events, [Event { token: 7, readable: true, writable: true, closed: true }]);
        poll.remove(&read).unwrap();
        poll.wait(Some(Moment(1)), &mut events).unwrap();
        assert!(events.is_empty());
    }
}
