//! The caller's identity, and the users and groups of a root.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use newroot_accounts::{is_entry, number, records, user_numbered};
use rustix::process::{getgid, getgroups, getuid};

use crate::probe;

/// The caller: numbers, and names from the host's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    uid: u32,
    gid: u32,
    name: Vec<u8>,
    home: PathBuf,
    /// The caller's groups: number and name.
    groups: Vec<(u32, Vec<u8>)>,
}

impl Caller {
    /// Asks the kernel for the numbers and the host's files for the names. If the host keeps its
    /// users in a directory service, the variables `LOGNAME` and `HOME` remain.
    pub(crate) fn current() -> Self {
        let uid = getuid().as_raw();
        let gid = getgid().as_raw();
        let groups: Vec<u32> = getgroups().unwrap_or_default().iter().map(|gid| gid.as_raw()).collect();
        let passwd = probe::content(Path::new("/etc/passwd")).unwrap_or_default();
        let group = probe::content(Path::new("/etc/group")).unwrap_or_default();
        let variable = |name: &str| std::env::var_os(name).map(OsString::into_vec);
        Self::new(uid, gid, &groups, [&passwd, &group], &variable)
    }

    /// Looks numbers up in the contents of a passwd(5) and a group(5) file, and falls back on
    /// variables.
    #[must_use]
    pub fn new(
        uid: u32,
        gid: u32,
        groups: &[u32],
        [passwd, group]: [&[u8]; 2],
        variable: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Self {
        let entry = user_numbered(passwd, uid);
        let field =
            |index: usize| entry.as_ref().and_then(|fields| fields.get(index)).map(|text| text.to_vec());
        let name = field(0)
            .or_else(|| variable("LOGNAME").or_else(|| variable("USER")))
            .filter(|name| is_name(name))
            .unwrap_or_else(|| format!("user{uid}").into_bytes());
        let home = field(5)
            .or_else(|| variable("HOME"))
            .map(|home| PathBuf::from(OsString::from_vec(home)))
            .filter(|home| is_plain(home))
            .unwrap_or_else(|| Path::new("/home").join(OsString::from_vec(name.clone())));
        let mut numbers = vec![gid];
        numbers.extend(groups);
        numbers.sort_unstable();
        numbers.dedup();
        let groups = numbers
            .into_iter()
            .map(|gid| {
                let name = records(group)
                    .find(|fields| fields.get(2).and_then(|text| number(text)) == Some(gid))
                    .map(|fields| fields[0].to_vec())
                    .filter(|name| is_name(name))
                    .unwrap_or_else(|| format!("group{gid}").into_bytes());
                (gid, name)
            })
            .collect();
        Self { uid, gid, name, home, groups }
    }

    /// Returns the caller's home, if the root is to have such a directory. The homes of root and
    /// nobody don't count: every root has the first, and none may have the second.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        (self.uid != 0 && self.uid != NOBODY && self.home != Path::new("/nonexistent")).then_some(&self.home)
    }

    /// Returns the contents of `/etc/passwd`: root, nobody and the caller.
    #[must_use]
    pub fn passwd(&self) -> Vec<u8> {
        let mut text = b"root:x:0:0:root:/root:/bin/sh\n".to_vec();
        if self.uid != 0 && self.uid != NOBODY {
            text.extend(&self.name);
            text.extend(format!(":x:{}:{}::", self.uid, self.gid).bytes());
            text.extend(self.home.as_os_str().as_bytes());
            text.extend(b":/bin/sh\n");
        }
        text.extend(b"nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n");
        text
    }

    /// Returns the contents of `/etc/group`: the groups of root, nobody and the caller.
    #[must_use]
    pub fn group(&self) -> Vec<u8> {
        let mut text = b"root:x:0:\n".to_vec();
        for (gid, name) in &self.groups {
            if *gid != 0 && *gid != NOBODY {
                text.extend(name);
                text.extend(format!(":x:{gid}:\n").bytes());
            }
        }
        text.extend(b"nogroup:x:65534:\n");
        text
    }
}

/// Number of the user and the group "nobody".
const NOBODY: u32 = 65534;

/// Returns whether a name is valid in a passwd file and as a directory's name.
fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"." | b"..")
        && is_entry(name)
        && name.trim_ascii_start() == name
        && !name.iter().any(|byte| matches!(byte, b':' | b'/' | b'\n'))
}

/// Returns whether a path is absolute, below `/`, without `..`, and valid in a passwd file.
fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.components().count() > 1
        && !path.components().any(|component| component == Component::ParentDir)
        && !path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b':' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(uid: u32) -> Caller {
        Caller {
            uid,
            gid: 100,
            name: b"ann".to_vec(),
            home: "/home/ann".into(),
            groups: vec![(0, b"root".to_vec()), (100, b"users".to_vec())],
        }
    }

    #[test]
    fn caller_stands_between_root_and_nobody() {
        assert_eq!(
            String::from_utf8(caller(1000).passwd()).unwrap(),
            "root:x:0:0:root:/root:/bin/sh\n\
             ann:x:1000:100::/home/ann:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
        );
        assert_eq!(
            String::from_utf8(caller(1000).group()).unwrap(),
            "root:x:0:\nusers:x:100:\nnogroup:x:65534:\n"
        );
    }

    #[test]
    fn root_and_nobody_stand_there_once() {
        for uid in [0, NOBODY] {
            let passwd = caller(uid).passwd();
            assert_eq!(records(&passwd).count(), 2);
            assert_eq!(caller(uid).home(), None);
        }
    }

    #[test]
    fn comment_or_part_of_an_entry_is_nobodys() {
        let passwd =
            b"#tom:x:1000:1::/home/tom:\nann:x:+1000:1::/home/ann:\neve:x:1000:\n bob:x:1000:1::/home/bob:\n";
        let caller = Caller::new(1000, 1, &[], [passwd, b"#users:x:1:\nstaff:x:1:\n"], &|_| None);
        assert_eq!((caller.name.as_slice(), caller.home()), (&b"bob"[..], Some(Path::new("/home/bob"))));
        assert_eq!(caller.groups, [(1, b"staff".to_vec())]);
    }

    #[test]
    fn name_that_would_make_another_file_or_line_is_not_kept() {
        for name in ["", ".", "..", "a/b", "a:b", "#ann", "+ann", " ann"] {
            let caller = Caller::new(1000, 1, &[], [b"", b""], &|variable| {
                (variable == "LOGNAME").then(|| name.as_bytes().to_vec())
            });
            assert_eq!(caller.home(), Some(Path::new("/home/user1000")), "{name}");
        }
    }

    #[test]
    fn current_caller_has_the_kernels_numbers() {
        let caller = Caller::current();
        assert_eq!(caller.uid, getuid().as_raw());
        assert!(caller.groups.iter().any(|(gid, _)| *gid == getgid().as_raw()));
        assert!(is_name(&caller.name) && is_plain(&caller.home));
    }
}
