//! passwd(5) and group(5), read as bytes.
//!
//! The C library would look a name up by modules that it loads from wherever it is at that moment:
//! inside the root, code of the root's would run with the launcher's privileges.

use std::path::Path;

use crate::records::{read, records};

/// A user's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: Vec<u8>,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The users and groups of one system.
#[derive(Clone, Debug, Default)]
pub(super) struct Database {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

impl Database {
    /// Reads both files. One that can't be read has no entries.
    pub(super) fn read(passwd: &Path, group: &Path) -> Self {
        Self { passwd: read(passwd).unwrap_or_default(), group: read(group).unwrap_or_default() }
    }

    fn users(&self) -> impl Iterator<Item = User> {
        entries(&self.passwd).filter_map(|fields| {
            Some(User {
                name: fields.first()?.to_vec(),
                uid: number(fields.get(2)?)?,
                gid: number(fields.get(3)?)?,
            })
        })
    }

    pub(super) fn user_named(&self, name: &[u8]) -> Option<User> {
        self.users().find(|user| user.name == name)
    }

    pub(super) fn user_numbered(&self, uid: u32) -> Option<User> {
        self.users().find(|user| user.uid == uid)
    }

    pub(super) fn group_named(&self, name: &[u8]) -> Option<u32> {
        entries(&self.group).find(|fields| fields[0] == name).and_then(|fields| number(fields.get(2)?))
    }

    /// The groups that list `user` as a member, after the user's own, as getgrouplist(3) has them.
    pub(super) fn groups_of(&self, user: &[u8], own: u32) -> Vec<u32> {
        let mut groups = vec![own];
        for fields in entries(&self.group) {
            let members = fields.get(3).copied().unwrap_or_default();
            let Some(gid) = fields.get(2).and_then(|text| number(text)) else { continue };
            if members.split(|&byte| byte == b',').any(|member| member == user) && !groups.contains(&gid) {
                groups.push(gid);
            }
        }
        groups
    }
}

/// The fields of all lines but comments. There is at least one field in each.
fn entries(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    records(file).filter(|fields| !fields[0].starts_with(b"#"))
}

/// A user or group number. The highest one means "none" to the kernel (credentials(7)).
pub(super) fn number(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok().filter(|&number| number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database {
            passwd: b"# people\nroot:x:0:0::/:/bin/sh\nann\xff:x:500:100::/:\nbroken:x\n".to_vec(),
            group: b"users:x:100:\nadm:x:4:ann\xff,bob\naudio:x:29:bob\nlast:x:7:ann\xff".to_vec(),
        }
    }

    #[test]
    fn user_is_found_by_name_and_by_number() {
        let ann = User { name: b"ann\xff".to_vec(), uid: 500, gid: 100 };
        assert_eq!(database().user_named(b"ann\xff"), Some(ann.clone()));
        assert_eq!(database().user_numbered(500), Some(ann));
        assert_eq!(database().user_named(b"broken"), None);
        assert_eq!(database().user_named(b"# people"), None);
    }

    #[test]
    fn groups_are_the_own_one_and_those_with_the_user_as_a_member() {
        assert_eq!(database().groups_of(b"ann\xff", 100), [100, 4, 7]);
        assert_eq!(database().groups_of(b"nobody", 1), [1]);
        assert_eq!(database().group_named(b"audio"), Some(29));
    }

    #[test]
    fn number_is_decimal_and_fits() {
        assert_eq!(number(b"500"), Some(500));
        for text in [&b""[..], b"+1", b"-1", b"1x", b"4294967295", b"99999999999"] {
            assert_eq!(number(text), None, "{}", text.escape_ascii());
        }
    }
}
