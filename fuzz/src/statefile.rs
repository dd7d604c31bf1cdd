//! The state file of a daemon that died: what its successor reads in it can be restored. After a zero byte come the steps.

use crate::drive;

pub fn run(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
    let (file, steps) = data.split_at(end);
    match daemon::handover_of(file) {
        Ok(handover) => drive::restored(handover, steps),
        Err(why) => assert!(!why.is_empty()),
    }
}
