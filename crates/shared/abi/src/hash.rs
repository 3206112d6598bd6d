//! A hash of bytes, for names and tables.

/// Hashes bytes (FNV-1a, 64 bits).
///
/// A match only says where to look. Compare the bytes themselves to be sure. The names of files on
/// disk are derived from this hash ([`links::token_of`](crate::links::token_of)), so it must never
/// change.
#[must_use]
pub const fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut rest = bytes;
    while let [first, others @ ..] = rest {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        rest = others;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_vectors_hash_as_published() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
