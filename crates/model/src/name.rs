//! Names of processes as people write them (`web`, `group:web`, `group:*`), and the two output channels.

use serde::{Deserialize, Serialize};

/// One of the two output channels of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Channel {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Channel {
    /// `stdout` or `stderr`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespec<'a> {
    /// The group's name; that of the process where only one name was given.
    pub group: &'a str,
    /// The process' name; `None` means all of the group (`group:*` and `group:`).
    pub process: Option<&'a str>,
}

impl<'a> Namespec<'a> {
    /// Take a name apart at its first colon; every text is a name.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((group, "" | "*")) => Self { group, process: None },
            Some((group, process)) => Self { group, process: Some(process) },
            None => Self { group: text, process: Some(text) },
        }
    }
}

/// The short name of a process: `web`, or `group:web` where the two differ.
#[must_use]
pub fn namespec(group: &str, process: &str) -> String {
    if group == process { process.into() } else { format!("{group}:{process}") }
}

#[cfg(test)]
mod tests {
    use super::Namespec;

    #[test]
    fn a_star_or_nothing_after_the_colon_means_the_whole_group() {
        for text in ["g:*", "g:"] {
            assert_eq!(Namespec::parse(text), Namespec { group: "g", process: None });
        }
        assert_eq!(Namespec::parse("a:b:c"), Namespec { group: "a", process: Some("b:c") });
        assert_eq!(Namespec::parse("a"), Namespec { group: "a", process: Some("a") });
    }
}
