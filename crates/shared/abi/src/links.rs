//! Hard links that the host refused, as they lie on the disk.
//!
//! ```text
//! /usr/bin/perl          -> /.newroot/links/ID/file      a name of the file
//! /usr/bin/perl5.40.1    -> /.newroot/links/ID/file      another
//! /.newroot/links/ID/file                                the file itself
//! /.newroot/links/ID/names/TOKEN -> /usr/bin/perl        one for each name, so that they can be counted;
//!                                                        what it says is where that name was last seen
//! ```
//!
//! The text is an absolute path in the root, so that it leads to the file in a plain chroot as well, wherever the
//! root is moved to and whichever of the root's directories is renamed. The directory of tokens is removed before the
//! file is: it goes only if it is empty, and nobody can make a token in it afterwards. So of a name that is made and one
//! that is taken away at the same moment, one comes first.
//!
//! The number of tokens is noted in their directory's time of modification ([`time_of_count`]), so that it needn't be
//! counted. Whatever makes or removes a token sets that time to the present, which notes no number: until somebody who
//! holds the lock notes it again, the tokens are counted by reading the directory. So a note is right or not there, also if
//! a process is killed, a file system keeps no such times, or an older newroot has changed the tokens.
//!
//! A token is called after its name's place ([`token_of`]) where no other one is, so that it is found without a search.

use crate::hex::{get_hex, put_hex};

/// The directory of links, in the root.
pub const DIRECTORY: &[u8] = b"/.newroot/links";
/// The file, in its own directory.
pub const FILE: &[u8] = b"file";
/// The directory of tokens, in the file's own directory.
pub const NAMES: &[u8] = b"names";

const DIGITS: usize = 16;
/// Bytes of the path of a file's own directory in the root.
pub const OWN_LEN: usize = DIRECTORY.len() + 1 + DIGITS;
/// Bytes of a link's text.
pub const TEXT_LEN: usize = OWN_LEN + 1 + FILE.len();

/// The time, in seconds since 1970, that notes a number of tokens: long before there were computers, and within what 32
/// bits hold. `None` for more tokens than that.
#[must_use]
pub const fn time_of_count(count: u32) -> Option<i64> {
    if count < MOST_NOTED { Some(NOTED_FROM - count as i64) } else { None }
}

/// The number of tokens that a time of modification notes; `None` if it is another time.
#[must_use]
pub const fn count_of_time(seconds: i64, nanoseconds: i64) -> Option<u32> {
    let count = NOTED_FROM.wrapping_sub(seconds);
    if nanoseconds == 0 && count > 0 && count < MOST_NOTED as i64 { Some(count as u32) } else { None }
}

/// In the year 1935.
const NOTED_FROM: i64 = -(1 << 30);
const MOST_NOTED: u32 = 1 << 30;

/// The number that the token of a name at this place is called by, unless another token is.
#[must_use]
pub const fn token_of(place: &[u8]) -> u64 {
    crate::hash(place)
}

/// Which file: a number that nobody else in the root has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub u64);

impl Id {
    /// Reads it in a symbolic link's text; `None` if that isn't a name of a file kept here.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(DIRECTORY)?.strip_prefix(b"/")?;
        let digits = rest.strip_suffix(FILE)?.strip_suffix(b"/")?;
        if digits.len() == DIGITS { get_hex(digits).map(Self) } else { None }
    }

    /// Reads it in the path that the file itself has on the host, below a root.
    #[must_use]
    pub fn of_path(path: &[u8], root: &[u8]) -> Option<Self> {
        Self::of_text(path.strip_prefix(root)?)
    }

    /// The name of the file's own directory.
    #[must_use]
    pub fn name(self) -> [u8; DIGITS] {
        let mut digits = [0; DIGITS];
        put_hex(&mut digits, self.0);
        digits
    }

    /// The path of the file's own directory in the root.
    #[must_use]
    pub fn directory(self) -> [u8; OWN_LEN] {
        joined(&[DIRECTORY, &self.name()])
    }

    /// The text of the file's names.
    #[must_use]
    pub fn text(self) -> [u8; TEXT_LEN] {
        joined(&[&self.directory(), FILE])
    }
}

/// Parts with a slash between them, which make just so many bytes.
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
    fn only_times_that_note_a_count_do() {
        for count in [1, 2, 4000, MOST_NOTED - 1] {
            let time = time_of_count(count).expect("it can be noted");
            assert!(i32::try_from(time).is_ok());
            assert_eq!(count_of_time(time, 0), Some(count));
            assert_eq!(count_of_time(time, 1), None);
        }
        assert_eq!(time_of_count(MOST_NOTED), None);
        // The present, the ends of what file systems know, and 1970, where some put what they don't.
        for seconds in [1_800_000_000, 0, -1, i64::from(i32::MIN), i64::from(i32::MAX), i64::MIN, i64::MAX] {
            assert_eq!(count_of_time(seconds, 0), None, "{seconds}");
        }
    }

    #[test]
    fn other_texts_are_no_links() {
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
    fn a_files_own_path_is_told_below_its_root_alone() {
        let path = b"/srv/root/.newroot/links/0000000000000007/file";
        assert_eq!(Id::of_path(path, b"/srv/root"), Some(Id(7)));
        assert_eq!(Id::of_path(path, b"/srv/roo"), None);
        assert_eq!(Id::of_path(path, b""), None);
    }
}
