//! Errands: what control must know and may not wait for, because a disk or a directory server may not answer.
//!
//! Looking for a command, making AUTO logs and reading the configuration touch file systems that may be dead. Threads do
//! them; where one hangs, another takes over what waits, up to a bound. Deliberately absent: what an errand does (that is
//! `office`), and trying again.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use model::Moment;
use sys::clock;

use super::office::{Errand, Office, Outcome};
use crate::mailbox::{Receiver, Sender, mailbox};

/// Threads at most. If all of them hang, the machine's file systems are dead.
const RUNNERS: usize = 16;
/// If nothing comes home for so long, somebody hangs, as far as the others are concerned.
const PATIENCE: Duration = Duration::from_millis(50);
/// The deepest errand reads a configuration.
const STACK: usize = 1024 * 1024;

/// Errands under way.
#[derive(Debug)]
pub struct Errands {
    shared: Arc<Shared>,
    /// What they brought home; read by `take`.
    pub outcomes: Receiver<Outcome>,
    outstanding: usize,
    /// When to look whether somebody hangs, while something may wait.
    due: Option<Moment>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    bell: Condvar,
    office: Office,
    outcomes: Sender<Outcome>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Errand>,
    /// Threads, those that hang among them.
    runners: usize,
    /// Those of them that wait for something to do.
    idle: usize,
    closed: bool,
}

impl Shared {
    /// A panic elsewhere while the lock was held leaves the queue as it is: whole errands.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some(errand) = self.next() {
            self.outcomes.send(self.office.run(errand));
        }
    }

    fn next(&self) -> Option<Errand> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(errand) = queue.waiting.pop_front() {
                return Some(errand);
            }
            // One that waits is enough: who was hired for another that hung, or has hung, goes home.
            if queue.idle > 0 {
                queue.runners -= 1;
                return None;
            }
            queue.idle += 1;
            queue = self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

impl Errands {
    /// Nobody runs yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new(office: Office) -> io::Result<Self> {
        let (sender, outcomes) = mailbox()?;
        let shared = Shared { queue: Mutex::default(), bell: Condvar::new(), office, outcomes: sender };
        Ok(Self { shared: Arc::new(shared), outcomes, outstanding: 0, due: None })
    }

    /// Have an errand run.
    pub fn run(&mut self, errand: Errand) {
        let nobody_runs = {
            let mut queue = self.shared.queue();
            queue.waiting.push_back(errand);
            queue.runners == 0
        };
        if nobody_runs {
            self.hire();
        }
        self.due.get_or_insert_with(|| clock::now().after(PATIENCE));
        self.outstanding += 1;
        self.shared.bell.notify_one();
    }

    /// What has been brought home.
    pub fn take(&mut self) -> VecDeque<Outcome> {
        let outcomes = self.outcomes.take();
        self.outstanding = self.outstanding.saturating_sub(outcomes.len());
        self.due = (self.outstanding > 0).then(|| clock::now().after(PATIENCE));
        outcomes
    }

    /// True if nothing is under way.
    pub const fn is_idle(&self) -> bool {
        self.outstanding == 0
    }

    /// When to call `hurry` at the latest.
    pub fn due(&self) -> Option<Moment> {
        self.due.filter(|_| self.shared.queue().runners < RUNNERS)
    }

    /// If nothing has come home for too long, another runner takes over what waits.
    pub fn hurry(&mut self, now: Moment) {
        if self.due().is_some_and(|due| due <= now) {
            let waits = !self.shared.queue().waiting.is_empty();
            // With nothing that waits there is nothing to take over: the next errand is looked after anew.
            self.due = waits.then(|| now.after(PATIENCE));
            if waits {
                self.hire();
            }
        }
    }

    /// Without a thread (EAGAIN) the errands wait: `hurry` tries again.
    fn hire(&self) {
        let shared = Arc::clone(&self.shared);
        let builder = thread::Builder::new().name("errands".into()).stack_size(STACK);
        self.shared.queue().runners += 1;
        if builder.spawn(move || shared.run()).is_err() {
            self.shared.queue().runners -= 1;
        }
    }
}

impl Drop for Errands {
    /// Those that hang are left behind.
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::{Input, Ticket};
    use sys::poll::{Interest, Poll};

    use super::*;

    #[test]
    fn what_waits_behind_an_errand_that_hangs_is_done_by_another() {
        let (hang, free) = std::sync::mpsc::channel::<()>();
        let gate = Mutex::new(Some(free));
        let reader = Arc::new(move || {
            let gate = gate.lock().unwrap().take();
            if let Some(gate) = gate {
                let _ = gate.recv();
            }
            Err("read".to_owned())
        });
        let mut errands = Errands::new(Office::for_tests(reader)).unwrap();
        let (mut poll, mut events) = (Poll::new().unwrap(), Vec::new());
        poll.add(&errands.outcomes, 1, Interest::Read).unwrap();
        for number in 0..3 {
            errands.run(Errand::ReadConfig(Ticket(number)));
        }
        let mut done = Vec::new();
        let mut hang = Some(hang);
        while done.len() < 3 {
            poll.wait(errands.due(), &mut events).unwrap();
            errands.hurry(clock::now());
            for outcome in errands.take() {
                let Outcome::Fact(Input::ConfigRead { ticket, .. }) = outcome else { panic!("{outcome:?}") };
                done.push(ticket.0);
            }
            if done.len() == 2 {
                hang = None;
            }
        }
        assert_eq!(done, [1, 2, 0]);
        let limit = std::time::Instant::now() + Duration::from_secs(20);
        while errands.shared.queue().runners > 1 {
            assert!(std::time::Instant::now() < limit, "who has nothing to do goes home");
            thread::sleep(Duration::from_millis(1));
        }
        assert!(hang.is_none() && errands.due().is_none());
    }
}
