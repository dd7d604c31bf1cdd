//! Becoming another user, for the daemon itself. Children do it in `spawn`.
#![allow(unsafe_code, reason = "rustix changes one thread only; libc changes the whole process")]

use crate::spawn::Credentials;
use rustix::process::geteuid;

/// Become this user, if this process is not that user already.
///
/// # Errors
/// Why not, in the reference's words.
pub fn change_to(user: &Credentials) -> Result<(), String> {
    let now = geteuid();
    if now.as_raw() == user.uid {
        return Ok(());
    }
    if !now.is_root() {
        return Err("Can't drop privilege as nonroot user".into());
    }
    let mut groups = user.groups.clone();
    groups.retain(|&group| group != user.gid);
    groups.insert(0, user.gid);
    // SAFETY: the list lives through the call.
    if unsafe { libc::setgroups(groups.len(), groups.as_ptr()) } != 0 {
        return Err("Could not set groups of effective user".into());
    }
    // SAFETY: plain numbers.
    if unsafe { libc::setgid(user.gid) } != 0 {
        return Err("Could not set group id of effective user".into());
    }
    // SAFETY: plain numbers.
    if unsafe { libc::setuid(user.uid) } != 0 {
        return Err(format!("Could not set user id: {}", std::io::Error::last_os_error()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn becoming_oneself_changes_nothing() {
        let uid = geteuid().as_raw();
        assert_eq!(change_to(&Credentials { uid, gid: 4242, groups: vec![1] }), Ok(()));
        assert_ne!(rustix::process::getegid().as_raw(), 4242);
    }
}
