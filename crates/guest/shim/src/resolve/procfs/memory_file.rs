//! Recognizes memory files that stand for a file with a name.
//!
//! The copy of a procfs file, or of a program whose file has lost its name, is a memory file. Its
//! own name shows which file it stands for: a prefix, followed by the file's host path.

use newroot_abi::Errno;
use newroot_paths::{Buffer, Host};

/// Prefix of the name that memfd_create(2) gets.
pub const PREFIX: &[u8] = b"newroot:";

/// Maximum length of such a name (MFD_NAME_MAX_LEN in mm/memfd.c), without the NUL.
pub const LONGEST_NAME: usize = 249;

/// Prefix and suffix that the kernel adds to the name when it shows the path of a memory file.
const SHOWN: (&[u8], &[u8]) = (b"/memfd:", b" (deleted)");

/// Returns the host path of the file that a memory file stands for; `None` if it is no such memory
/// file. `shown` is the kernel's text for the memory file, as in `/proc/PID/fd/N`.
#[must_use]
pub fn stands_for(shown: &[u8]) -> Option<&[u8]> {
    let path = shown.strip_prefix(SHOWN.0)?.strip_prefix(PREFIX)?.strip_suffix(SHOWN.1)?;
    path.starts_with(b"/").then_some(path)
}

/// Returns whether a path is that of a procfs file.
#[must_use]
pub fn is_of_procfs(path: &[u8]) -> bool {
    path.starts_with(b"/proc/")
}

/// Replaces the kernel's text for a memory file by the text for the file that it stands for, still
/// with a host path. Leaves other texts unchanged.
pub fn unmask<Side, const N: usize>(shown: &mut Buffer<Side, N>) {
    let Some(path) = stands_for(shown.bytes()) else { return };
    // A removed file keeps the suffix ` (deleted)`, in which the memory file's text ends too.
    let end = SHOWN.0.len() + PREFIX.len() + path.len();
    let len = if is_of_procfs(path) { end } else { shown.len() };
    let start = end - path.len();
    let _ = shown.replace_front(start, &[]);
    shown.truncate(len - start);
}

/// Writes the name of a memory file with a program's contents. `shown` is the kernel's text for the
/// program's file. If that is such a copy itself, the name is the same.
pub fn name_of_copy(shown: &[u8], out: &mut Buffer<Host, { LONGEST_NAME + 1 }>) -> Result<(), Errno> {
    let path = shown.strip_suffix(SHOWN.1).unwrap_or(shown);
    match path.strip_prefix(SHOWN.0) {
        Some(name) if path.len() < shown.len() => out.assign(name.get(..LONGEST_NAME).unwrap_or(name)),
        _ => name_of(path, out),
    }
}

/// Writes the name of a memory file that stands for a file, cut off at the kernel's limit.
pub fn name_of(path: &[u8], out: &mut Buffer<Host, { LONGEST_NAME + 1 }>) -> Result<(), Errno> {
    out.assign(PREFIX)?;
    out.extend(path.get(..LONGEST_NAME - PREFIX.len()).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_files_stand_for_something() {
        assert_eq!(stands_for(b"/memfd:newroot:/proc/7/maps (deleted)"), Some(&b"/proc/7/maps"[..]));
        for other in
            ["/memfd:newroot (deleted)", "/memfd:newroot:x (deleted)", "/memfd:newroot:/x", "/newroot:/x"]
        {
            assert_eq!(stands_for(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_removed_program_keeps_its_mark() {
        for (shown, expected) in [
            ("/memfd:newroot:/proc/7/maps (deleted)", "/proc/7/maps"),
            ("/memfd:newroot:/srv/bin/x (deleted)", "/srv/bin/x (deleted)"),
            ("/memfd:other (deleted)", "/memfd:other (deleted)"),
        ] {
            let mut text = Buffer::<Host, 64>::new();
            text.assign(shown.as_bytes()).expect("fits");
            unmask(&mut text);
            assert_eq!(text.bytes(), expected.as_bytes());
        }
    }
}
