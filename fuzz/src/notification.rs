//! What a listener reads on its stdin: any split gives the same notifications and the same end.

use wire::listener::{ListenerError, Notification, Parser};

use crate::cuts::cut;

pub fn run(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let (found, error) = parse(&[whole]);
    assert_eq!(parse(&pieces), (found.clone(), error));
    for notification in &found {
        // `len` counts characters; bytes that are no UTF-8 become characters too.
        let length = notification.headers.get("len").and_then(|text| text.parse().ok());
        assert!(length.is_some_and(|length: usize| notification.payload.chars().count() >= length.min(1)));
        let _ = (notification.event_name(), notification.body());
    }
}

fn parse(pieces: &[&[u8]]) -> (Vec<Notification>, Option<ListenerError>) {
    let (mut parser, mut found) = (Parser::new(), Vec::new());
    for piece in pieces {
        parser.feed(piece);
        loop {
            match parser.next_notification() {
                Ok(Some(notification)) => found.push(notification),
                Ok(None) => break,
                // A listener ends there: nothing tells where the next notification begins.
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}
