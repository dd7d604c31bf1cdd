//! Exit statuses of supervisorctl: those of init scripts (LSB), as the reference uses them.
//!
//! Deliberately absent: when each is used; the commands say so.

use model::FaultCode;

/// All went well, or nothing was to be done.
pub const SUCCESS: u8 = 0;
/// Something failed.
pub const GENERIC: u8 = 1;
/// The arguments make no sense.
pub const INVALID_ARGS: u8 = 2;
/// The server has no `supervisor` namespace.
pub const UNIMPLEMENTED_FEATURE: u8 = 3;
/// The server refused the connection.
pub const INSUFFICIENT_PRIVILEGES: u8 = 4;
/// The server speaks another version.
pub const NOT_INSTALLED: u8 = 5;
/// There is no server, or a program does not run.
pub const NOT_RUNNING: u8 = 7;

/// `status`: a process that is shown does not run.
pub const STATUS_NOT_RUNNING: u8 = 3;
/// `status`: nobody knows.
pub const STATUS_UNKNOWN: u8 = 4;

/// The status that a result of a process leads to; `None` where the status stays.
///
/// `ignored` is a code that is no failure for this action: already started for `start`, not running for `stop`.
#[must_use]
pub fn of_result(code: i64, ignored: Option<FaultCode>) -> Option<u8> {
    let known = FaultCode::from_number(code);
    match known {
        Some(FaultCode::Success) => None,
        Some(code) if Some(code) == ignored => None,
        Some(FaultCode::SpawnError | FaultCode::AbnormalTermination | FaultCode::NotRunning) => Some(NOT_RUNNING),
        _ => Some(GENERIC),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_program_gives_7_and_any_other_failure_1() {
        assert_eq!(of_result(80, None), None);
        assert_eq!(of_result(50, None), Some(NOT_RUNNING));
        assert_eq!(of_result(70, Some(FaultCode::NotRunning)), None);
        assert_eq!(of_result(60, Some(FaultCode::AlreadyStarted)), None);
        assert_eq!(of_result(10, None), Some(GENERIC));
        assert_eq!(of_result(4711, None), Some(GENERIC));
    }
}
