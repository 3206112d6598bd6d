//! Layout on disk of the hard links that newroot makes where the host refuses link(2).
//!
//! ```text
//! /usr/bin/perl          -> /.newroot/links/ID/file      a name of the file
//! /usr/bin/perl5.40.1    -> /.newroot/links/ID/file      another name
//! /.newroot/links/ID/file                                the file itself
//! /.newroot/links/ID/names/TOKEN -> /usr/bin/perl        a name reference: one for each name,
//!                                                        so that names can be counted; its text is
//!                                                        the path where that name was last seen
//! ```
//!
//! The text of a name is an absolute path in the root. It therefore leads to the file in a plain
//! chroot too, wherever the root is moved and whichever of its directories is renamed.
//!
//! To remove a file, its directory of name references is removed first. rmdir(2) removes it only if
//! it is empty, and no process can add a name reference to it afterwards. When one process adds a
//! name while another removes one, the kernel therefore orders the two steps.
//!
//! The modification time of the directory of name references records their number
//! ([`time_of_count`]), so that most readers don't have to count them. Adding or removing a name
//! reference sets that time to the present, which records no number. Until a process that holds the
//! lock records the number again, readers count the name references by listing the directory. A
//! recorded number is therefore either right or absent, even if a process is killed, the file
//! system doesn't keep such times, or an older newroot has changed the name references.
//!
//! A name reference is named after the path of its name ([`token_of`]) unless that token is taken,
//! so that it is found without a search.

use crate::hex::{get_hex, put_hex};

/// Directory of the links, as a path in the root.
pub const DIRECTORY: &[u8] = b"/.newroot/links";
/// Name of the file in its own directory.
pub const FILE: &[u8] = b"file";
/// Name of the directory of name references in the file's own directory.
pub const NAMES: &[u8] = b"names";

const DIGITS: usize = 16;
/// Bytes of the path, in the root, of a file's own directory.
pub const OWN_LEN: usize = DIRECTORY.len() + 1 + DIGITS;
/// Bytes of a link's text.
pub const TEXT_LEN: usize = OWN_LEN + 1 + FILE.len();

/// Returns the modification time, in seconds since 1970, that records `count` name references. Such
/// times lie in or before 1935 and fit in 32 bits. Returns `None` if `count` is too large to be
/// recorded.
#[must_use]
pub const fn time_of_count(count: u32) -> Option<i64> {
    if count < MAX_RECORDED { Some(RECORD_EPOCH - count as i64) } else { None }
}

/// Returns the number of name references that a modification time records, or `None` if the time
/// records none.
#[must_use]
pub const fn count_of_time(seconds: i64, nanoseconds: i64) -> Option<u32> {
    let count = RECORD_EPOCH.wrapping_sub(seconds);
    if nanoseconds == 0 && count > 0 && count < MAX_RECORDED as i64 { Some(count as u32) } else { None }
}

/// A time in the year 1935.
const RECORD_EPOCH: i64 = -(1 << 30);
const MAX_RECORDED: u32 = 1 << 30;

/// Returns the number after which the reference for a name at `path` is named, unless that number
/// is taken.
#[must_use]
pub const fn token_of(path: &[u8]) -> u64 {
    crate::hash(path)
}

/// Number of a file with several names, unique in its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u64);

impl Id {
    /// Reads the number from a symbolic link's text. Returns `None` if the text doesn't lead to a
    /// file in [`DIRECTORY`].
    #[must_use]
    pub fn of_text(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(DIRECTORY)?.strip_prefix(b"/")?;
        let digits = rest.strip_suffix(FILE)?.strip_suffix(b"/")?;
        if digits.len() == DIGITS { get_hex(digits).map(Self) } else { None }
    }

    /// Reads the number from the host path of the file itself, below the root at `root`.
    #[must_use]
    pub fn of_path(path: &[u8], root: &[u8]) -> Option<Self> {
        Self::of_text(path.strip_prefix(root)?)
    }

    /// Returns the name of the file's own directory.
    #[must_use]
    pub fn name(self) -> [u8; DIGITS] {
        let mut digits = [0; DIGITS];
        put_hex(&mut digits, self.0);
        digits
    }

    /// Returns the path, in the root, of the file's own directory.
    #[must_use]
    pub fn directory(self) -> [u8; OWN_LEN] {
        joined(&[DIRECTORY, &self.name()])
    }

    /// Returns the text of the symbolic links that are the file's names.
    #[must_use]
    pub fn text(self) -> [u8; TEXT_LEN] {
        joined(&[&self.directory(), FILE])
    }
}

/// Joins parts with slashes between them into exactly `N` bytes.
fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [b'/'; N];
    let mut at = 0;
    for part in parts {
        out[at..at + part.len()].copy_from_slice(part);
        at += part.len() + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_text_leads_to_its_file() {
        let text = Id(0x1234_5678_9abc_def0).text();
        assert_eq!(&text[..], b"/.newroot/links/123456789abcdef0/file");
        assert_eq!(Id::of_text(&text), Some(Id(0x1234_5678_9abc_def0)));
        assert_eq!(&Id(7).directory()[..], b"/.newroot/links/0000000000000007");
        assert!(DIRECTORY.strip_prefix(b"/").is_some_and(|path| path.starts_with(crate::STORE.as_bytes())));
    }

    #[test]
    fn only_recording_times_record_a_count() {
        for count in [1, 2, 4000, MAX_RECORDED - 1] {
            let time = time_of_count(count).expect("the count is in range");
            assert!(i32::try_from(time).is_ok());
            assert_eq!(count_of_time(time, 0), Some(count));
            assert_eq!(count_of_time(time, 1), None);
        }
        assert_eq!(time_of_count(MAX_RECORDED), None);
        // The present, the limits of what file systems store, and 1970, which some write for a time
        // that they can't store.
        for seconds in [1_800_000_000, 0, -1, i64::from(i32::MIN), i64::from(i32::MAX), i64::MIN, i64::MAX] {
            assert_eq!(count_of_time(seconds, 0), None, "{seconds}");
        }
    }

    #[test]
    fn other_texts_are_not_links() {
        for text in [
            &b""[..],
            b"file",
            b"/.newroot/links/0000000000000007",
            b"/.newroot/links/0000000000000007/names",
            b"/.newroot/links/000000000000007/file",
            b"/.newroot/links/000000000000000G/file",
            b"/.newroot/links/0000000000000007/file/",
            b"x/.newroot/links/0000000000000007/file",
        ] {
            assert_eq!(Id::of_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_files_own_path_is_recognized_only_below_its_root() {
        let path = b"/srv/root/.newroot/links/0000000000000007/file";
        assert_eq!(Id::of_path(path, b"/srv/root"), Some(Id(7)));
        assert_eq!(Id::of_path(path, b"/srv/roo"), None);
        assert_eq!(Id::of_path(path, b""), None);
    }
}
