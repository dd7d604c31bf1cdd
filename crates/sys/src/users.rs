//! The groups that a user is in besides the primary one, as group(5) and the host's own name service tell them.
//!
//! Deliberately absent: looking up users (that is `host`), and initgroups(3), which in a static binary would load modules
//! of another libc.

use crate::getent;

/// The supplementary groups of a user, by name: from /etc/group, then from what `getent initgroups` adds where the host
/// keeps users elsewhere. A host without getent has only the file.
#[must_use]
pub fn supplementary_groups(user: &str) -> Vec<u32> {
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let mut groups = groups_in(&text, user);
    let local = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if !local.lines().any(|line| line.split(':').next() == Some(user)) {
        for group in asked(user) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    groups
}

/// The groups of a group(5) text that list this user as a member.
fn groups_in(text: &str, user: &str) -> Vec<u32> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':').skip(2);
            let gid = fields.next()?.parse().ok()?;
            fields.next()?.split(',').any(|member| member.trim() == user).then_some(gid)
        })
        .collect()
}

/// `getent initgroups NAME` prints the name, then the numbers.
fn asked(user: &str) -> Vec<u32> {
    let text = getent::ask("initgroups", user).unwrap_or_default();
    text.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::groups_in;

    #[test]
    fn a_user_is_in_the_groups_that_list_it() {
        let text = "root:x:0:\nadm:x:4:syslog,web\nbad\nwww:x:33:web2, web\nnone:x:9:\n";
        assert_eq!(groups_in(text, "web"), [4, 33]);
        assert_eq!(groups_in(text, "nobody"), [0_u32; 0]);
    }
}
