//! Numbers out of the bytes that a target is given.

/// The bytes as 32-bit words; what is left at the end is no word.
pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}
