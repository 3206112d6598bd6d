//! The users and groups of one system.

use crate::records::{number, records};

/// A user's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: Vec<u8>,
    /// User number.
    pub uid: u32,
    /// Number of the user's primary group.
    pub gid: u32,
}

/// The users and groups of one system.
#[derive(Clone, Debug, Default)]
pub struct Database {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

impl Database {
    /// Takes the contents of a passwd(5) and a group(5) file.
    #[must_use]
    pub fn new(passwd: Vec<u8>, group: Vec<u8>) -> Self {
        Self { passwd, group }
    }

    fn users(&self) -> impl Iterator<Item = User> {
        records(&self.passwd).filter_map(|fields| {
            Some(User {
                name: fields.first()?.to_vec(),
                uid: number(fields.get(2)?)?,
                gid: number(fields.get(3)?)?,
            })
        })
    }

    /// Returns the first user with this name.
    #[must_use]
    pub fn user_named(&self, name: &[u8]) -> Option<User> {
        self.users().find(|user| user.name == name)
    }

    /// Returns the first user with this number.
    #[must_use]
    pub fn user_numbered(&self, uid: u32) -> Option<User> {
        self.users().find(|user| user.uid == uid)
    }

    /// Returns the number of the first group with this name.
    #[must_use]
    pub fn group_named(&self, name: &[u8]) -> Option<u32> {
        records(&self.group).filter(|fields| fields[0] == name).find_map(|fields| number(fields.get(2)?))
    }

    /// Returns the user's primary group, then the groups that list the user as a member, in the
    /// order of getgrouplist(3).
    #[must_use]
    pub fn groups_of(&self, user: &[u8], own: u32) -> Vec<u32> {
        let mut groups = vec![own];
        for fields in records(&self.group) {
            let members = fields.get(3).copied().unwrap_or_default();
            let Some(gid) = fields.get(2).and_then(|text| number(text)) else { continue };
            // An empty list has no members; it doesn't have one member with an empty name.
            let mut members = members.split(|&byte| byte == b',').map(<[u8]>::trim_ascii_start);
            if !user.is_empty() && members.any(|member| member == user) && !groups.contains(&gid) {
                groups.push(gid);
            }
        }
        groups
    }
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
    fn user_without_a_name_is_in_no_group_but_his_own() {
        assert_eq!(database().groups_of(b"", 1), [1]);
    }

    #[test]
    fn broken_entry_of_a_group_hides_no_whole_one() {
        let group = b"adm:x:\nadm:x:4: ann, bob\n".to_vec();
        let database = Database { group, ..database() };
        assert_eq!(database.group_named(b"adm"), Some(4));
        assert_eq!(database.groups_of(b"bob", 1), [1, 4]);
    }
}
