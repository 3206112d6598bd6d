//! Translation by text alone, which suffices for most paths.
//!
//! The translation is right *only if no symlink lies on the path*. The caller must therefore pass
//! it to a system call that refuses symlinks (openat2 with RESOLVE_NO_SYMLINKS), and walk the path
//! if that fails with ELOOP.

use newroot_abi::Errno;

use crate::buffer::{GuestBuf, HostBuf};
use crate::mounts::MountTable;

/// Result of translating a path by its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lexical {
    /// The host path was written; the mount with this index covers the file.
    Absolute(usize),
    /// The path is relative and can't cross a binding, so it names the same file to the host's
    /// kernel.
    Relative,
    /// The text doesn't suffice: walk the path.
    Walk,
}

/// Translates `path` by its text. If the result is [`Lexical::Absolute`], `out` holds the absolute
/// host path. `scratch` is overwritten.
///
/// # Errors
/// ENAMETOOLONG if the host path doesn't fit.
pub fn lexical(
    table: &MountTable<'_>,
    path: &[u8],
    scratch: &mut GuestBuf,
    out: &mut HostBuf,
) -> Result<Lexical, Errno> {
    let text = read(path);
    if path.first() != Some(&b'/') {
        if text.dotdot || table.may_cross(first_name(path)) {
            return Ok(Lexical::Walk);
        }
        return Ok(Lexical::Relative);
    }
    if text.dotdot {
        return within_root(table, path, scratch, out);
    }
    if !text.messy {
        let path = if path == b"/" { &[] } else { path };
        return table.translate(path, out).map(Lexical::Absolute);
    }
    scratch.clear();
    for component in path.split(|&byte| byte == b'/') {
        if !component.is_empty() && component != b"." {
            scratch.extend(b"/")?;
            scratch.extend(component)?;
        }
    }
    let mount = table.translate(scratch.bytes(), out)?;
    // The path requires a directory: keep the suffix, a dot or a slash, by which it does so.
    if last_name(path) == b"." {
        out.extend(b"/.")?;
    } else if path.ends_with(b"/") {
        out.extend(b"/")?;
    }
    Ok(Lexical::Absolute(mount))
}

/// Checks whether a path has at least one component, no `.`, no `..` and no doubled or trailing
/// slash. Most paths are of this form.
#[must_use]
pub fn is_canonical(path: &[u8]) -> bool {
    let text = read(path);
    !text.dotdot && !text.messy && !matches!(path, b"" | b"/")
}

/// Result of one pass over a path.
struct Text {
    dotdot: bool,
    /// The path contains a doubled or trailing slash or a `.`, so its text isn't canonical.
    messy: bool,
}

fn read(path: &[u8]) -> Text {
    /// A component that consists of more than two dots.
    const NAME: usize = 3;
    let mut text = Text { dotdot: false, messy: false };
    let body = path.strip_prefix(b"/").unwrap_or(path);
    if body.is_empty() {
        return text;
    }
    // Number of dots that the component consists of so far.
    let mut dots = 0;
    for &byte in body.iter().chain(b"/") {
        match (byte, dots) {
            (b'/', 0 | 1) => text.messy = true,
            (b'/', 2) => text.dotdot = true,
            (b'/', _) => {}
            (b'.', 0 | 1) => {
                dots += 1;
                continue;
            }
            _ => {
                dots = NAME;
                continue;
            }
        }
        dots = 0;
    }
    text
}

/// Returns the first component of a relative path that isn't `.`.
fn first_name(path: &[u8]) -> &[u8] {
    path.split(|&byte| byte == b'/')
        .find(|component| !component.is_empty() && *component != b".")
        .unwrap_or(&[])
}

/// Returns the last component without trailing slashes.
fn last_name(path: &[u8]) -> &[u8] {
    path.split(|&byte| byte == b'/').rfind(|component| !component.is_empty()).unwrap_or(&[])
}

/// Translates an absolute path that contains `..`, if it never leaves the root's own tree. The
/// kernel resolves it below the root's host path as it would below `/`.
fn within_root(
    table: &MountTable<'_>,
    path: &[u8],
    scratch: &mut GuestBuf,
    out: &mut HostBuf,
) -> Result<Lexical, Errno> {
    scratch.clear();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            [] | [b'.'] => {}
            [b'.', b'.'] => {
                let Some(parent) = scratch.bytes().iter().rposition(|&byte| byte == b'/') else {
                    return Ok(Lexical::Walk);
                };
                scratch.truncate(parent);
            }
            name => {
                scratch.extend(b"/")?;
                scratch.extend(name)?;
                if table.is_mount_point(scratch.bytes()) {
                    return Ok(Lexical::Walk);
                }
            }
        }
    }
    out.assign(table.root().host)?;
    out.extend(path)?;
    Ok(Lexical::Absolute(table.root_index()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_components_are_canonical() {
        for path in ["/usr/lib", "a", "a/b.c", "/...", "/.a/b"] {
            assert!(is_canonical(path.as_bytes()), "{path}");
        }
        for path in ["/", "", ".", "..", "/usr/", "//usr", "/usr//lib", "/usr/./lib", "a/..", "../a"] {
            assert!(!is_canonical(path.as_bytes()), "{path}");
        }
    }
    use newroot_abi::plan::{Mount, MountFlags};

    #[track_caller]
    fn check(path: &str, expected: Lexical, host: &str) {
        let mount = |guest: &'static str, host: &'static str| Mount {
            guest: guest.as_bytes(),
            host: host.as_bytes(),
            flags: MountFlags::default(),
            parent: (0, 0),
        };
        let mounts = [mount("/proc", "/proc"), mount("/opt", "/o"), mount("", "/r")];
        let table = MountTable::new(&mounts).unwrap();
        let mut out = HostBuf::new();
        let got = lexical(&table, path.as_bytes(), &mut GuestBuf::new(), &mut out);
        assert_eq!(got, Ok(expected), "{path}");
        if matches!(expected, Lexical::Absolute(_)) {
            assert_eq!(out.bytes(), host.as_bytes(), "{path}");
        }
    }

    #[test]
    fn absolute_paths_start_with_the_host_path_of_their_mount() {
        check("/", Lexical::Absolute(2), "/r");
        check("/usr/bin", Lexical::Absolute(2), "/r/usr/bin");
        check("/proc/1", Lexical::Absolute(0), "/proc/1");
        check("/opt", Lexical::Absolute(1), "/o");
    }

    #[test]
    fn doubled_slashes_and_dots_do_not_hide_a_binding() {
        check("//.//opt/./x", Lexical::Absolute(1), "/o/x");
        check("/usr/", Lexical::Absolute(2), "/r/usr/");
        check("/usr/.", Lexical::Absolute(2), "/r/usr/.");
        check("//", Lexical::Absolute(2), "/r/");
    }

    #[test]
    fn a_last_dot_is_kept_with_any_number_of_slashes_behind_it() {
        check("/usr/./", Lexical::Absolute(2), "/r/usr/.");
        check("/opt/.//", Lexical::Absolute(1), "/o/.");
        check("/usr/./lib/", Lexical::Absolute(2), "/r/usr/lib/");
    }

    #[test]
    fn dotdot_within_the_root_is_left_to_the_kernel() {
        check("/usr/lib/../bin", Lexical::Absolute(2), "/r/usr/lib/../bin");
    }

    #[test]
    fn dotdot_that_could_leave_a_tree_is_walked() {
        check("/..", Lexical::Walk, "");
        check("/proc/../usr", Lexical::Walk, "");
        check("/usr/../proc/1", Lexical::Walk, "");
        check("../x", Lexical::Walk, "");
    }

    #[test]
    fn relative_names_that_may_cross_a_binding_are_walked() {
        check("src/main.c", Lexical::Relative, "");
        check("./proc/self", Lexical::Walk, "");
        check("opt", Lexical::Walk, "");
        check(".", Lexical::Relative, "");
    }
}
