//! What can be told of a path while it is copied, eight bytes at a time.
//!
//! Each byte of a word is looked at by itself, within the word: a mask has the top bit of a byte set where the
//! byte is the one in question.

/// The top bit of each byte.
const TOPS: u64 = 0x8080_8080_8080_8080;
/// Each byte is one.
const ONES: u64 = 0x0101_0101_0101_0101;

/// What was seen of a path so far.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// The top bit of the lowest byte, where a slash came last.
    after_slash: u64,
    /// Where there were slashes.
    slashes: u64,
    /// Where a slash or a dot came after a slash.
    odd: u64,
}

impl Glance {
    /// Nothing was seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { after_slash: 0, slashes: 0, odd: 0 }
    }

    /// Looks at the next eight bytes of the path, the first of which is the lowest. If the NUL that ends it is
    /// among them, the result is how many come before it.
    #[inline]
    pub fn see(&mut self, word: u64) -> Option<usize> {
        let ends = equal(word, 0);
        // Neither NUL nor what stands behind it is of the path.
        let path = if ends == 0 { TOPS } else { (ends & ends.wrapping_neg()) - 1 };
        let slashes = equal(word, b'/') & path;
        let behind = slashes << 8 | self.after_slash;
        self.odd |= behind & (slashes | equal(word, b'.') & path);
        self.slashes |= slashes;
        self.after_slash = slashes >> 56;
        (ends != 0).then_some(ends.trailing_zeros() as usize / 8)
    }

    /// Whether there was a slash.
    #[must_use]
    pub fn has_slash(&self) -> bool {
        self.slashes != 0
    }

    /// Whether the path, which was seen to its end, is canonical for certain: no component begins with a dot, and no
    /// slash is too many. If not, [`is_canonical`](crate::is_canonical) knows.
    #[must_use]
    pub fn is_plain(&self, path: &[u8]) -> bool {
        self.odd == 0 && !matches!(path, [] | [b'.', ..] | [.., b'/'])
    }
}

impl Default for Glance {
    fn default() -> Self {
        Self::new()
    }
}

/// Where `byte` is among a word's.
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    // A byte's lower bits carry into its top bit unless they are all zero, and never farther.
    !(((difference & !TOPS) + !TOPS) | difference) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_canonical;
    extern crate std;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn glance_at(path: &[u8], behind: u8) -> (Glance, usize) {
        let mut bytes = Vec::from(path);
        bytes.push(0);
        bytes.resize(bytes.len() + 8, behind);
        let mut glance = Glance::new();
        let mut len = 0;
        for word in bytes.chunks_exact(8) {
            match glance.see(u64::from_le_bytes(word.try_into().unwrap())) {
                None => len += 8,
                Some(more) => return (glance, len + more),
            }
        }
        panic!("the NUL was overlooked")
    }

    #[test]
    fn ordinary_paths_are_plain() {
        for path in
            ["/usr/share/common-licenses/GPL-3", "a", "a.b/c", "/1234567/1234567/x", "12345678/9", "a-/0"]
        {
            let (glance, len) = glance_at(path.as_bytes(), b'/');
            assert_eq!(len, path.len());
            assert!(glance.is_plain(path.as_bytes()), "{path}");
            assert_eq!(glance.has_slash(), path.contains('/'), "{path}");
        }
    }

    #[test]
    fn what_follows_a_slash_is_seen_across_words() {
        for path in ["/345678/.x", "/345678//x", "1234567/.", "1234567/../x", "1234567/"] {
            assert!(!glance_at(path.as_bytes(), 0).0.is_plain(path.as_bytes()), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_path_is_canonical(path in "[/.a\\-0\u{80}\u{ff}]{0,40}", behind: u8) {
            let path = path.as_bytes();
            let (glance, len) = glance_at(path, behind);
            prop_assert_eq!(len, path.len());
            prop_assert_eq!(glance.has_slash(), path.contains(&b'/'));
            if glance.is_plain(path) {
                prop_assert!(is_canonical(path));
            } else {
                let doubtful = path.starts_with(b".") || path.windows(2).any(|pair| pair == b"/.");
                prop_assert!(doubtful || !is_canonical(path));
            }
        }
    }
}
