//! Passwd and group entries for a user whom the root doesn't know.
//!
//! Without an entry, programs that look their user up find nobody: a shell's prompt says "I have no
//! name!", and ssh and many others refuse to run. So the guest sees the root's own files with one
//! more line, which is made up from the host's entry. The root itself is never written to.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use newroot_abi::plan::MountFlags;
use newroot_accounts::{Database, number, records, user_numbered};
use newroot_paths::Last;
use rustix::fs::Access;

use crate::guest::{Guest, NO_HOST_PATH_YET, OwnedMount, Source};
use crate::identity::Numbers;
use crate::root_file;
use crate::spec::{Identity, Principal};

/// Guest path of the passwd file.
pub(crate) const PASSWD: &[u8] = b"/etc/passwd";
/// Guest path of the group file.
pub(crate) const GROUP: &[u8] = b"/etc/group";

/// Shells that are looked up in the root if the user's own isn't there.
const SHELLS: [&[u8]; 4] = [b"/bin/bash", b"/usr/bin/bash", b"/bin/sh", b"/usr/bin/sh"];

/// User as which the command runs, by the numbers that it sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestUser {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// Whether it is the caller, whom the environment also describes.
    pub(crate) is_caller: bool,
    /// Name that was asked for. Another number than the caller's gets no entry without a name: it
    /// may be another user in the root than on the host.
    pub(crate) named: Option<Vec<u8>>,
}

impl GuestUser {
    /// Returns the user with these numbers, or the caller's where no others were asked for.
    pub(crate) fn of(wanted: &Identity, numbers: &Numbers) -> Self {
        let own = rustix::process::geteuid().as_raw();
        let uid = numbers.uid.unwrap_or(own);
        let own_groups = || {
            let groups = rustix::process::getgroups().unwrap_or_default();
            groups.into_iter().map(|group| group.as_raw()).collect()
        };
        Self {
            uid,
            gid: numbers.gid.unwrap_or_else(|| rustix::process::getegid().as_raw()),
            groups: numbers.groups.clone().unwrap_or_else(own_groups),
            is_caller: uid == own,
            named: match &wanted.user {
                Some(Principal::Named(name)) => Some(name.clone().into_vec()),
                _ => None,
            },
        }
    }
}

/// Adds mounts of files that have an entry for the user, where the root's files lack one. Root
/// needs none, and writes to the root's own files. In the host's own root the files are complete.
pub(crate) fn add(guest: &mut Guest, who: &GuestUser) {
    if who.uid == 0 || guest.is_hosts_root() {
        return;
    }
    let host = Host::read(who);
    if !who.is_caller && (who.named.is_none() || host.field(0) != who.named) {
        return;
    }
    let [passwd, group] = [PASSWD, GROUP].map(|path| Found::read(guest, path));
    let known = passwd.as_ref().and_then(|found| Some(user_numbered(&found.text, who.uid)?[0].to_vec()));
    let name = match (&known, &passwd) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(found)) => host.free_name(found, who),
        (None, None) => None,
    };
    let Some(name) = name else { return };
    let mut made = Vec::new();
    if let (None, Some(found)) = (known, passwd) {
        let line = host.passwd_line(guest, &name, who);
        made.push(("passwd", found.guest, with_lines(found.text, &[line])));
    }
    if let Some(found) = group {
        let lines = host.group_lines(&found.text, &name, who);
        if !lines.is_empty() {
            made.push(("group", found.guest, with_lines(found.text, &lines)));
        }
    }
    for (name, path, text) in made {
        guest.insert(OwnedMount {
            guest: path,
            host: NO_HOST_PATH_YET.to_vec(),
            flags: MountFlags::default(),
            parent: (0, 0),
            recommended: true,
            source: Source::Text { name, text },
        });
    }
    guest.settle();
}

/// One of the root's files, on which something can be bound.
struct Found {
    /// Canonical guest path.
    guest: Vec<u8>,
    /// Contents; empty if the root has no such file.
    text: Vec<u8>,
}

impl Found {
    /// Reads the file. Returns `None` if it isn't a readable file, or if the user has bound
    /// something there.
    fn read(guest: &Guest, path: &[u8]) -> Option<Self> {
        let at = guest.resolve_missing(path, Last::Follow).ok()?;
        if guest.at(&at).is_some() {
            return None;
        }
        let found = guest.resolve(&at, Last::Keep);
        let text = match found.and_then(|found| fs::symlink_metadata(&found.host).map(|_| found.host)) {
            Ok(host) => root_file::read(&host)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(_) => return None,
        };
        Some(Self { guest: at, text })
    }
}

/// The host's knowledge of the user: its passwd and group files, and for the caller the
/// environment.
struct Host {
    /// Fields of the user's entry in the host's passwd file.
    entry: Option<Vec<Vec<u8>>>,
    group: Vec<u8>,
}

impl Host {
    fn read(who: &GuestUser) -> Self {
        let read = |path| root_file::read(Path::new(path)).unwrap_or_default();
        let own = |fields: Vec<&[u8]>| fields.into_iter().map(<[u8]>::to_vec).collect();
        Self { entry: user_numbered(&read("/etc/passwd"), who.uid).map(own), group: read("/etc/group") }
    }

    fn field(&self, index: usize) -> Option<Vec<u8>> {
        self.entry.as_ref()?.get(index).filter(|field| is_field(field)).cloned()
    }

    /// Returns a name that no other user has in the root. A caller whom the host's file doesn't
    /// know (the entry may come from a directory service) gets the name from the environment.
    fn free_name(&self, found: &Found, who: &GuestUser) -> Option<Vec<u8>> {
        let mut candidates: Vec<Vec<u8>> = self.field(0).into_iter().collect();
        if who.is_caller {
            candidates.extend(["USER", "LOGNAME"].into_iter().filter_map(variable));
            candidates.push(format!("user{}", who.uid).into_bytes());
        }
        let database = Database::new(found.text.clone(), Vec::new());
        candidates.into_iter().find(|name| is_name(name) && database.user_named(name).is_none())
    }

    fn passwd_line(&self, guest: &Guest, name: &[u8], who: &GuestUser) -> Vec<u8> {
        let callers = |name| variable(name).filter(|_| who.is_caller);
        let is_absolute = |path: &Vec<u8>| path.first() == Some(&b'/') && is_field(path);
        let home = self.field(5).or_else(|| callers("HOME")).filter(is_absolute);
        let shells = self.field(6).into_iter().chain(callers("SHELL"));
        let shell = shells
            .chain(SHELLS.map(<[u8]>::to_vec))
            .find(|shell| is_absolute(shell) && is_program(guest, shell))
            .unwrap_or_else(|| b"/bin/sh".to_vec());
        let [uid, gid] = [who.uid, who.gid].map(|number| number.to_string().into_bytes());
        let gecos = self.field(4).unwrap_or_default();
        [name, b"x", &uid, &gid, &gecos, &home.unwrap_or_else(|| b"/".to_vec()), &shell].join(&b':')
    }

    /// Returns lines for those of the user's groups that have no name in the root: the user's own
    /// group, and of the others those whose name on the host is free in the root.
    fn group_lines(&self, text: &[u8], user: &[u8], who: &GuestUser) -> Vec<Vec<u8>> {
        let numbered = |text: &[u8], gid: u32| -> Option<Vec<u8>> {
            let is_it = |fields: &Vec<&[u8]>| fields.get(2).and_then(|text| number(text)) == Some(gid);
            records(text).find(is_it).map(|fields| fields[0].to_vec())
        };
        let root = Database::new(Vec::new(), text.to_vec());
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut taken: Vec<(u32, Vec<u8>)> = Vec::new();
        for gid in [who.gid].into_iter().chain(who.groups.iter().copied()) {
            if numbered(text, gid).is_some() || taken.iter().any(|(other, _)| *other == gid) {
                continue;
            }
            let is_own = gid == who.gid;
            let others = [user.to_vec(), format!("group{gid}").into_bytes()];
            let candidates =
                numbered(&self.group, gid).into_iter().chain(others.into_iter().filter(|_| is_own));
            let name = candidates.into_iter().find(|name| {
                let is_taken = taken.iter().any(|(_, other)| other == name);
                is_name(name) && !is_taken && root.group_named(name).is_none()
            });
            let Some(name) = name else { continue };
            let member = if is_own { b"" } else { user };
            lines.push([&name, &b"x"[..], gid.to_string().as_bytes(), member].join(&b':'));
            taken.push((gid, name));
        }
        lines
    }
}

fn variable(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(OsStringExt::into_vec)
}

/// Returns whether a text can stand between two colons.
fn is_field(text: &[u8]) -> bool {
    !text.iter().any(|byte| *byte == b':' || byte.is_ascii_control())
}

/// Returns whether a text can be a name. Names of directory services contain `@` and `\`.
fn is_name(text: &[u8]) -> bool {
    let is_usual =
        |&byte: &u8| byte.is_ascii_alphanumeric() || b"._-@\\$".contains(&byte) || !byte.is_ascii();
    text.len() <= 256
        && text.iter().all(is_usual)
        && text.first().is_some_and(|first| !b"-.@".contains(first) && !text.iter().all(u8::is_ascii_digit))
}

fn is_program(guest: &Guest, path: &[u8]) -> bool {
    guest.resolve(path, Last::Follow).is_ok_and(|found| {
        fs::metadata(&found.host).is_ok_and(|metadata| metadata.is_file())
            && rustix::fs::access(&found.host, Access::EXEC_OK).is_ok()
    })
}

/// Appends lines to a text.
fn with_lines(mut text: Vec<u8>, lines: &[Vec<u8>]) -> Vec<u8> {
    if text.last().is_some_and(|&last| last != b'\n') {
        text.push(b'\n');
    }
    for line in lines {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn host(passwd: &str, group: &str, who: &GuestUser) -> Host {
        let own = |fields: Vec<&[u8]>| fields.into_iter().map(<[u8]>::to_vec).collect();
        Host { entry: user_numbered(passwd.as_bytes(), who.uid).map(own), group: group.as_bytes().to_vec() }
    }

    fn ann(groups: &[u32]) -> GuestUser {
        GuestUser { uid: 500, gid: 501, groups: groups.to_vec(), is_caller: false, named: None }
    }

    #[test]
    fn name_is_free_in_the_root() {
        let who = ann(&[]);
        let found = |text: &str| Found { guest: PASSWD.to_vec(), text: text.as_bytes().to_vec() };
        let host = host("ann:x:500:501:Ann,,,:/home/ann:/bin/zsh\n", "", &who);
        assert_eq!(host.free_name(&found("bob:x:500:1::/:/bin/sh\n"), &who), Some(b"ann".to_vec()));
        assert_eq!(host.free_name(&found("ann:x:1:1::/:/bin/sh\n"), &who), None);
        let caller = GuestUser { is_caller: true, uid: 77_777, ..who };
        let unknown = self::host("", "", &caller);
        let users = ["USER", "LOGNAME"].into_iter().filter_map(variable);
        let taken: Vec<u8> = users.flat_map(|name| [&name[..], b":x:1:1::/:\n"].concat()).collect();
        let found = Found { guest: PASSWD.to_vec(), text: taken };
        assert_eq!(unknown.free_name(&found, &caller), Some(b"user77777".to_vec()));
    }

    #[test]
    fn entry_is_from_the_host_and_its_shell_from_the_root() {
        let top = tempfile::tempdir().expect("a directory");
        let guest = Guest::new(top.path().as_os_str().as_bytes());
        let who = ann(&[]);
        let host = host("ann:secret:500:9:Ann,,,:/home/ann:/bin/zsh\n", "", &who);
        let line = host.passwd_line(&guest, b"ann", &who);
        assert_eq!(line.escape_ascii().to_string(), "ann:x:500:501:Ann,,,:/home/ann:/bin/sh");
    }

    #[test]
    fn groups_that_the_root_lacks_are_named_as_on_the_host() {
        let who = ann(&[501, 7, 8, 9, 10]);
        let host = host("", "staff:x:501:\nseven:x:7:ann\nadm:x:8:\nnine:x:9:\n", &who);
        let lines = host.group_lines(b"adm:x:4:\nother:x:9:\n", b"ann", &who);
        let lines: Vec<String> = lines.iter().map(|line| line.escape_ascii().to_string()).collect();
        // The root's `adm` is another group, and the root has a name for 9. Nobody has one for 10.
        assert_eq!(lines, ["staff:x:501:", "seven:x:7:ann"]);
        let lines = self::host("", "", &who).group_lines(b"ann:x:4:\n", b"ann", &ann(&[]));
        assert_eq!(lines, [b"group501:x:501:".to_vec()]);
    }

    #[test]
    fn line_is_added_after_a_complete_line() {
        assert_eq!(with_lines(b"a".to_vec(), &[b"b".to_vec()]), b"a\nb\n");
        assert_eq!(with_lines(Vec::new(), &[b"b".to_vec()]), b"b\n");
    }

    #[test]
    fn names_fit_into_a_line() {
        for name in ["ann", "DOMAIN\\ann", "ann@example.org", "svc-1$", "ünal"] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in ["", "-ann", "a:b", "a\nb", "a b", "+ann", "#ann", "500", "a/b"] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
    }
}
