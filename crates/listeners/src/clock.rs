//! Wall time as the listeners' mails and logs show it, in the local time zone.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Now, in the local zone; in UTC where the system tells no zone.
fn now() -> Zoned {
    let zone = TimeZone::system();
    Timestamp::now().to_zoned(if zone.is_unknown() { TimeZone::UTC } else { zone })
}

/// `2026-11-23 03:00:42,117`: as the daemon's own log writes it.
#[must_use]
pub fn log_time() -> String {
    let now = now();
    format!("{},{:03}", now.strftime("%Y-%m-%d %H:%M:%S"), now.timestamp().as_millisecond().rem_euclid(1000))
}

/// `Mon Nov 23 03:00:42 2026 CET`: C's asctime and the zone.
#[must_use]
pub fn asctime_with_zone() -> String {
    now().strftime("%a %b %e %H:%M:%S %Y %Z").to_string()
}

/// `Mon, 23 Nov 2026 02:00:42 -0000`: the date of a mail (RFC 5322), in UTC without telling the sender's zone.
#[must_use]
pub fn mail_date() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S -0000").to_string()
}

/// Milliseconds since 1970, for what must differ from mail to mail.
#[must_use]
pub fn milliseconds() -> i64 {
    Timestamp::now().as_millisecond()
}
