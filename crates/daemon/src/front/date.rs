//! The `Date` of an answer. hyper's own looks at the clock again only when that has passed the second it has written: it
//! would stand still for hours after the clock was set back.

use std::cell::RefCell;

use hyper::header::{DATE, HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::statics::http_date;

/// The second that was written last, and as what.
#[derive(Debug, Default)]
pub(super) struct Dates(RefCell<Option<(i64, HeaderValue)>>);

impl Dates {
    /// Dates an answer.
    pub fn put(&self, headers: &mut HeaderMap) {
        let now = Timestamp::now();
        let mut last = self.0.borrow_mut();
        if last.as_ref().is_none_or(|(second, _)| *second != now.as_second()) {
            *last = http_date(now).map(|date| (now.as_second(), date));
        }
        if let Some((_, date)) = last.as_ref() {
            headers.insert(DATE, date.clone());
        }
    }
}
