//! Finds out whether this process can switch to another user.

use std::fs;

use rustix::thread::CapabilitySet;

use crate::spec::{FakeRoot, LaunchSpec};

/// Returns whether this process is a root that can take other user and group numbers.
///
/// Root can't in a user namespace with a single number (`unshare -r`), where setgroups(2) was given
/// up, or in a container without CAP_SETUID and CAP_SETGID.
pub(crate) fn can_become_others() -> bool {
    let has_capabilities = || {
        let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
        rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
    };
    rustix::process::geteuid().is_root()
        && has_capabilities()
        && read("setgroups").is_none_or(|text| text.trim() != "deny")
        && ["uid_map", "gid_map"].iter().all(|file| read(file).is_none_or(|map| has_others(&map)))
}

/// Returns whether the launch asks for another identity that only fake root can give.
pub(crate) fn needs_fake(spec: &LaunchSpec) -> bool {
    spec.fake_root != FakeRoot::Off && !spec.identity.is_callers() && !can_become_others()
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{file}")).ok()
}

/// Returns whether a map of user_namespaces(7) has more than one number.
fn has_others(map: &str) -> bool {
    let counts = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    counts.sum::<u64>() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_of_one_number_has_no_others() {
        assert!(has_others("         0          0 4294967295\n"));
        assert!(has_others("0 1000 1\n1 100000 65536\n"));
        assert!(!has_others("         0       1001          1\n"));
    }
}
