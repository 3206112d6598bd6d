//! Facts about a path, found while it is copied, eight bytes at a time.
//!
//! Masks describe the eight bytes of a word: the top bit of a byte is set in a mask where the byte
//! has the property in question.

/// The top bit of each byte.
const TOPS: u64 = 0x8080_8080_8080_8080;
/// The value one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Facts about the part of a path that was scanned so far.
#[derive(Clone, Copy, Debug)]
pub struct PathScan {
    /// Top bit of the lowest byte if the last byte scanned was a slash.
    after_slash: u64,
    /// Positions of slashes.
    slashes: u64,
    /// Positions of a slash or a dot that directly follows a slash.
    odd: u64,
}

impl PathScan {
    /// Creates a scan of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { after_slash: 0, slashes: 0, odd: 0 }
    }

    /// Scans the next eight bytes of the path; the first is the lowest byte of `word`. If the NUL
    /// that ends the path is among them, returns the number of bytes before it.
    #[inline]
    pub fn see(&mut self, word: u64) -> Option<usize> {
        let ends = equal(word, 0);
        // The NUL and the bytes after it don't belong to the path.
        let path = if ends == 0 { TOPS } else { (ends & ends.wrapping_neg()) - 1 };
        let slashes = equal(word, b'/') & path;
        let behind = slashes << 8 | self.after_slash;
        self.odd |= behind & (slashes | equal(word, b'.') & path);
        self.slashes |= slashes;
        self.after_slash = slashes >> 56;
        (ends != 0).then_some(ends.trailing_zeros() as usize / 8)
    }

    /// Checks whether the path contains a slash.
    #[must_use]
    pub fn has_slash(&self) -> bool {
        self.slashes != 0
    }

    /// Checks whether the path, scanned to its end, is certainly canonical: no component begins
    /// with a dot, and there is no doubled or trailing slash. If it returns false, ask
    /// [`is_canonical`](crate::is_canonical).
    #[must_use]
    pub fn is_plain(&self, path: &[u8]) -> bool {
        self.odd == 0 && !matches!(path, [] | [b'.', ..] | [.., b'/'])
    }
}

impl Default for PathScan {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the mask of the bytes of `word` that equal `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    // A byte's lower seven bits carry into its top bit unless they are all zero, and never beyond.
    !(((difference & !TOPS) + !TOPS) | difference) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_canonical;
    extern crate std;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn scan(path: &[u8], behind: u8) -> (PathScan, usize) {
        let mut bytes = Vec::from(path);
        bytes.push(0);
        bytes.resize(bytes.len() + 8, behind);
        let mut scan = PathScan::new();
        let mut len = 0;
        for word in bytes.chunks_exact(8) {
            match scan.see(u64::from_le_bytes(word.try_into().unwrap())) {
                None => len += 8,
                Some(more) => return (scan, len + more),
            }
        }
        panic!("the scan missed the NUL")
    }

    #[test]
    fn ordinary_paths_are_plain() {
        for path in
            ["/usr/share/common-licenses/GPL-3", "a", "a.b/c", "/1234567/1234567/x", "12345678/9", "a-/0"]
        {
            let (scan, len) = scan(path.as_bytes(), b'/');
            assert_eq!(len, path.len());
            assert!(scan.is_plain(path.as_bytes()), "{path}");
            assert_eq!(scan.has_slash(), path.contains('/'), "{path}");
        }
    }

    #[test]
    fn bytes_after_a_slash_are_found_across_words() {
        for path in ["/345678/.x", "/345678//x", "1234567/.", "1234567/../x", "1234567/"] {
            assert!(!scan(path.as_bytes(), 0).0.is_plain(path.as_bytes()), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_path_is_canonical(path in "[/.a\\-0\u{80}\u{ff}]{0,40}", behind: u8) {
            let path = path.as_bytes();
            let (scan, len) = scan(path, behind);
            prop_assert_eq!(len, path.len());
            prop_assert_eq!(scan.has_slash(), path.contains(&b'/'));
            if scan.is_plain(path) {
                prop_assert!(is_canonical(path));
            } else {
                let doubtful = path.starts_with(b".") || path.windows(2).any(|pair| pair == b"/.");
                prop_assert!(doubtful || !is_canonical(path));
            }
        }
    }
}
