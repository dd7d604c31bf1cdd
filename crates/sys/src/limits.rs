//! Resource limits (getrlimit(2)): what the daemon needs at least, and what children get.

use std::io;

use rustix::process::{Resource as Kernel, Rlimit, getrlimit, setrlimit};

/// Limits that a configuration speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Open descriptors (`minfds`).
    Files,
    /// Processes of the user (`minprocs`).
    Processes,
}

impl Resource {
    /// `RLIMIT_NOFILE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "RLIMIT_NOFILE",
            Self::Processes => "RLIMIT_NPROC",
        }
    }

    const fn kernel(self) -> Kernel {
        match self {
            Self::Files => Kernel::Nofile,
            Self::Processes => Kernel::Nproc,
        }
    }

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Files => libc::RLIMIT_NOFILE,
            Self::Processes => libc::RLIMIT_NPROC,
        }
    }
}

/// A limit; `u64::MAX` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Of what.
    pub resource: Resource,
    /// The one in force.
    pub soft: u64,
    /// How far the owner may raise it.
    pub hard: u64,
}

/// The limit in force.
#[must_use]
pub fn get(resource: Resource) -> Limit {
    let now = getrlimit(resource.kernel());
    Limit { resource, soft: now.current.unwrap_or(u64::MAX), hard: now.maximum.unwrap_or(u64::MAX) }
}

/// Put a limit into force.
///
/// # Errors
/// EPERM: only root may raise the hard limit.
pub fn set(limit: Limit) -> io::Result<()> {
    let some = |value: u64| (value != u64::MAX).then_some(value);
    Ok(setrlimit(limit.resource.kernel(), Rlimit { current: some(limit.soft), maximum: some(limit.hard) })?)
}

/// See that at least this much is allowed, as the reference does for `minfds` and `minprocs`: true if the limit had to be
/// raised. Root raises the hard limit too.
///
/// # Errors
/// The hard limit is lower, and the kernel does not let it be raised. `get` tells it for the message.
pub fn at_least(resource: Resource, minimum: u64) -> io::Result<bool> {
    let now = get(resource);
    if now.soft >= minimum {
        return Ok(false);
    }
    set(Limit { resource, soft: minimum, hard: now.hard.max(minimum) })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_high_enough_is_left_alone() {
        let before = get(Resource::Files);
        assert!(!at_least(Resource::Files, 1).unwrap());
        assert_eq!(get(Resource::Files), before);
        assert!(before.soft <= before.hard);
    }
}
