//! The plan's text that says what uname(2) reports in the guest.
//!
//! The text takes one of three forms:
//!
//! - empty: the host's own names;
//! - a kernel release;
//! - all six names in the order of `struct utsname`, each with a backslash in front of it, and then
//!   a backslash and AT_HWCAP in hexadecimal:
//!   `\sysname\nodename\release\version\machine\domainname\hwcap`. An empty last field means the
//!   host's AT_HWCAP.

use crate::hex::get_hex;

/// Number of names in a `struct utsname`.
pub const NAMES: usize = 6;
/// Index of the kernel release among the names.
pub const RELEASE: usize = 2;

/// Returns the name that uname(2) reports at this index of `struct utsname`, or `None` for the
/// host's.
#[must_use]
pub fn name(text: &[u8], index: usize) -> Option<&[u8]> {
    match text {
        [] => None,
        [b'\\', names @ ..] => names.split(|&byte| byte == b'\\').take(NAMES).nth(index),
        release => (index == RELEASE).then_some(release),
    }
}

/// Returns AT_HWCAP of the auxiliary vector, or `None` for the host's.
#[must_use]
pub fn capabilities(text: &[u8]) -> Option<u64> {
    let names = text.strip_prefix(b"\\")?;
    get_hex(names.split(|&byte| byte == b'\\').nth(NAMES).filter(|digits| !digits.is_empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_release_sets_only_the_release() {
        assert_eq!(name(b"5.4.0", RELEASE), Some(&b"5.4.0"[..]));
        assert_eq!(name(b"5.4.0", 0), None);
        assert_eq!(name(b"", RELEASE), None);
        assert_eq!(capabilities(b"5.4.0"), None);
    }

    #[test]
    fn text_with_backslashes_sets_all_names() {
        let text = br"\s\n\r\\m\d\1f";
        let expected = ["s", "n", "r", "", "m", "d"].map(str::as_bytes);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|index| name(text, index)), expected.map(Some));
        assert_eq!(name(text, NAMES), None);
        assert_eq!(capabilities(text), Some(0x1f));
        assert_eq!(capabilities(br"\s\n\r\v\m\d\"), None);
    }
}
