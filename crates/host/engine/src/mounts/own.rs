//! Bindings of files that procfs has for each process.
//!
//! `/proc/self/fd` is another directory for each process that opens it. Resolved at launch it would
//! be the launcher's own, which few users want: `-b /proc/self/fd:/dev/fd` should give what
//! `/dev/fd` gives elsewhere.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The host's links to such paths.
const SHORT: [&[u8]; 4] = [b"/dev/fd", b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];
const SELF: [&[u8]; 2] = [b"/proc/self", b"/proc/thread-self"];
/// Links in a process's directory that lead out of it.
const OUT: [&[u8]; 4] = [b"cwd", b"exe", b"root", b"map_files"];

/// Returns the path below `/proc/self` or `/proc/thread-self` that a host path means, without dots
/// and doubled slashes. `None` if it means another file, or leads through a link out of there.
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
        // The path of the directory, not of the link to it.
        return Some([&path, &b"/."[..]].concat());
    }
    is_own(&path).then_some(path)
}

/// Returns whether a path without dots and doubled slashes leads to a file that each process has
/// for itself.
pub(crate) fn is_own(path: &[u8]) -> bool {
    let Some(rest) = SELF.into_iter().find_map(|own| newroot_paths::strip_prefix(path, own)) else {
        return false;
    };
    let mut names = rest.split(|&byte| byte == b'/').skip(1);
    match (names.next(), names.next(), names.next()) {
        (Some(name), ..) if OUT.contains(&name) => false,
        // A descriptor is a link, and leads elsewhere.
        (Some(b"fd" | b"ns"), _, beyond) => beyond.is_none(),
        // A thread of the launcher.
        (Some(b"task"), thread, _) => thread.is_none(),
        _ => true,
    }
}

/// Returns whether it is a descriptor, which a process may have or not.
pub(super) fn is_descriptor(own: &[u8]) -> bool {
    let mut names = own.rsplit(|&byte| byte == b'/');
    names.next().is_some_and(|name| name.iter().all(u8::is_ascii_digit)) && names.next() == Some(b"fd")
}

/// Returns an absolute path without dots and doubled slashes. `None` for a relative path, or one
/// with `..`.
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
    fn paths_that_differ_by_process_are_recognized() {
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
