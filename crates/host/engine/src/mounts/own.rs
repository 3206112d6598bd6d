//! Bindings of what procfs has for each process itself.
//!
//! `/proc/self/fd` is another directory for each process that looks. To resolve such a host path at launch would bind the
//! launcher's own, and few ask for that: `-b /proc/self/fd:/dev/fd` is meant to be what `/dev/fd` is anywhere.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Links of the host's to such paths.
const SHORT: [&[u8]; 4] = [b"/dev/fd", b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];
const SELF: [&[u8]; 2] = [b"/proc/self", b"/proc/thread-self"];
/// Links in a process's directory that lead out of it.
const OUT: [&[u8]; 4] = [b"cwd", b"exe", b"root", b"map_files"];

/// Returns the path below `/proc/self` or `/proc/thread-self` that a host path means, without dots and doubled slashes;
/// `None` if it means something else, or leads through a link out of there.
pub(super) fn own_path(path: &Path) -> Option<Vec<u8>> {
    let plain = plain(path.as_os_str().as_bytes())?;
    let short =
        SHORT.into_iter().find_map(|short| Some((short, newroot_paths::strip_prefix(&plain, short)?)));
    let path = match short {
        None => plain,
        Some((link, rest)) => {
            let target = fs::read_link(OsStr::from_bytes(link)).ok()?.into_os_string().into_vec();
            [&target, rest].concat()
        }
    };
    if SELF.contains(&&path[..]) {
        // The directory, not the link to it.
        return Some([&path, &b"/."[..]].concat());
    }
    is_own(&path).then_some(path)
}

/// Whether a path without dots and doubled slashes is one that means each process's own.
pub(crate) fn is_own(path: &[u8]) -> bool {
    let Some(rest) = SELF.into_iter().find_map(|own| newroot_paths::strip_prefix(path, own)) else {
        return false;
    };
    let mut names = rest.split(|&byte| byte == b'/').skip(1);
    match (names.next(), names.next(), names.next()) {
        (Some(name), ..) if OUT.contains(&name) => false,
        // A descriptor is a link, and what lies behind it is somewhere else.
        (Some(b"fd" | b"ns"), _, beyond) => beyond.is_none(),
        // One of the launcher's threads.
        (Some(b"task"), thread, _) => thread.is_none(),
        _ => true,
    }
}

/// Whether it is a descriptor, which every process may have or not.
pub(super) fn is_descriptor(own: &[u8]) -> bool {
    let mut names = own.rsplit(|&byte| byte == b'/');
    names.next().is_some_and(|name| name.iter().all(u8::is_ascii_digit)) && names.next() == Some(b"fd")
}

/// An absolute path without dots and doubled slashes; `None` for one with `..` in it, or a relative one.
fn plain(path: &[u8]) -> Option<Vec<u8>> {
    if path.first() != Some(&b'/') {
        return None;
    }
    let mut plain = Vec::new();
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".") {
        if name == b".." {
            return None;
        }
        plain.push(b'/');
        plain.extend_from_slice(name);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_each_process_is_known_by_its_path() {
        for path in [
            "/proc/self",
            "/proc/self/fd",
            "//proc/./self/fd/",
            "/proc/thread-self/fd/7",
            "/proc/self/status",
        ] {
            assert!(own_path(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "/proc",
            "/proc/selfish",
            "/proc/1/fd",
            "/proc/self/cwd",
            "/proc/self/root/etc",
            "/proc/self/exe",
            "/proc/self/fd/3/file",
            "/proc/self/fd/../fd",
            "/proc/self/task/7/cwd",
            "proc/self",
            "/",
        ] {
            assert!(own_path(Path::new(path)).is_none(), "{path}");
        }
        assert!(is_descriptor(b"/proc/self/fd/3") && !is_descriptor(b"/proc/self/fd"));
    }
}
