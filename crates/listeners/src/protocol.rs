//! The one loop that every listener runs: say READY, take an event, act, say RESULT.
//!
//! When the daemon ends its side the program ends with status 1 and no word, as a listener of the reference does; what is no
//! event ends it too, with a word, because only a new start can put a broken conversation in step again. Deliberately
//! absent: the form of events and answers (`wire::listener`), and answering FAIL. None of these programs refuses an event:
//! one that cannot do its work says so and goes on, or ends.

use std::io::{self, Read, Write};

use wire::listener::{self, ListenerError, Notification, Parser};

use crate::stage::Stage;

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// Why the conversation is over.
#[derive(Debug, thiserror::Error)]
pub enum Over {
    /// The daemon closed its side, perhaps in the middle of an event.
    #[error("the daemon has closed its side")]
    Closed,
    /// Reading or writing failed.
    #[error("cannot talk to the daemon: {0}")]
    Io(#[from] io::Error),
    /// What came is no event.
    #[error("what came on stdin is no event: {0}")]
    NoEvent(#[from] ListenerError),
    /// The program cannot go on; this is its last word, written as it is.
    #[error("{0}")]
    Fatal(String),
}

/// Serve events until the conversation is over; the exit status of the program.
pub fn serve(stage: &mut Stage, mut each: impl FnMut(&mut Stage, &Notification) -> Result<(), Over>) -> u8 {
    let mut parser = Parser::new();
    loop {
        match exchange(stage, &mut parser, &mut each) {
            Ok(()) => {}
            Err(Over::Closed) => return 1,
            Err(Over::Fatal(why)) => {
                stage.say(&why);
                return 1;
            }
            Err(why) => {
                stage.complain(&why.to_string());
                return 1;
            }
        }
    }
}

fn exchange(
    stage: &mut Stage,
    parser: &mut Parser,
    each: &mut impl FnMut(&mut Stage, &Notification) -> Result<(), Over>,
) -> Result<(), Over> {
    answer(stage.output, listener::READY)?;
    let event = next_event(stage.input, parser)?;
    each(stage, &event)?;
    answer(stage.output, listener::OK)
}

fn answer(output: &mut dyn Write, text: &[u8]) -> Result<(), Over> {
    output.write_all(text).and_then(|()| output.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Over::Closed,
        _ => Over::Io(error),
    })
}

fn next_event(input: &mut dyn Read, parser: &mut Parser) -> Result<Notification, Over> {
    let mut piece = [0; PIECE];
    loop {
        if let Some(event) = parser.next_notification()? {
            return Ok(event);
        }
        match input.read(&mut piece) {
            Ok(0) => return Err(Over::Closed),
            Ok(count) => parser.feed(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// True for TICK_5, TICK_60 and TICK_3600.
#[must_use]
pub fn is_tick(event: &Notification) -> bool {
    event.event_name().starts_with("TICK")
}
