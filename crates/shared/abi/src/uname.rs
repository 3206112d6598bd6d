//! What uname(2) says in the guest, as a plan has it.
//!
//! Nothing for the host's own names; a kernel release; or, where the text begins with a backslash,
//! all six names in the order of `struct utsname`, each behind one:
//! `\sysname\nodename\release\version\machine\domainname\`, and behind the last backslash
//! AT_HWCAP in hexadecimal, or nothing for the host's.

use crate::hex::get_hex;

/// Names in a `struct utsname`.
pub const NAMES: usize = 6;
/// Index of the kernel release among them.
pub const RELEASE: usize = 2;

/// The name that uname(2) is to say at this index of `struct utsname`; `None` for the host's.
#[must_use]
pub fn name(text: &[u8], index: usize) -> Option<&[u8]> {
    match text {
        [] => None,
        [b'\\', names @ ..] => names.split(|&byte| byte == b'\\').take(NAMES).nth(index),
        release => (index == RELEASE).then_some(release),
    }
}

/// AT_HWCAP of the auxiliary vector; `None` for the host's.
#[must_use]
pub fn capabilities(text: &[u8]) -> Option<u64> {
    let names = text.strip_prefix(b"\\")?;
    get_hex(names.split(|&byte| byte == b'\\').nth(NAMES).filter(|digits| !digits.is_empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_one_of_the_names() {
        assert_eq!(name(b"5.4.0", RELEASE), Some(&b"5.4.0"[..]));
        assert_eq!(name(b"5.4.0", 0), None);
        assert_eq!(name(b"", RELEASE), None);
        assert_eq!(capabilities(b"5.4.0"), None);
    }

    #[test]
    fn names_behind_backslashes_are_all_of_them() {
        let text = br"\s\n\r\\m\d\1f";
        let expected = ["s", "n", "r", "", "m", "d"].map(str::as_bytes);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|index| name(text, index)), expected.map(Some));
        assert_eq!(name(text, NAMES), None);
        assert_eq!(capabilities(text), Some(0x1f));
        assert_eq!(capabilities(br"\s\n\r\v\m\d\"), None);
    }
}
