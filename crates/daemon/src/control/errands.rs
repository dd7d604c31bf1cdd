//! Errands to the file system that may take long (a dead mount): done by a thread of their own, one after another, so that
//! control never waits for them. Their answers come back as inputs.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use config::{Config, GroupConfig};
use engine::{Input, Ticket};

use super::autolog::{self, AutoLogPlace};
use crate::mailbox::Sender;

/// Reads the configuration anew: the text is that of the CANT_REREAD fault.
pub type Reader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// What is to be done.
#[derive(Debug)]
pub enum Errand {
    /// Read the configuration.
    ReadConfig(Ticket),
    /// Make the AUTO log files of a group.
    MakeLogs(Ticket, Arc<GroupConfig>),
}

/// The thread that runs errands.
#[derive(Debug)]
pub struct Errands(mpsc::Sender<Errand>);

impl Errands {
    /// Starts the thread; it ends when this is dropped.
    ///
    /// # Errors
    /// No thread is to be had.
    pub fn start(reader: Reader, place: AutoLogPlace, answers: Sender<Input>) -> io::Result<Self> {
        let (sender, errands) = mpsc::channel();
        thread::Builder::new().name("errands".into()).stack_size(1024 * 1024).spawn(move || {
            for errand in errands {
                answers.send(done(&errand, &reader, &place));
            }
        })?;
        Ok(Self(sender))
    }

    /// Has an errand run. The thread lives as long as this, so the sending cannot fail.
    pub fn run(&self, errand: Errand) {
        let _ = self.0.send(errand);
    }
}

fn done(errand: &Errand, reader: &Reader, place: &AutoLogPlace) -> Input {
    match errand {
        Errand::ReadConfig(ticket) => Input::ConfigRead { ticket: *ticket, result: reader().map(Arc::new) },
        Errand::MakeLogs(ticket, group) => Input::GroupPrepared { ticket: *ticket, logs: autolog::make(place, group) },
    }
}
