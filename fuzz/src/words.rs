//! Numbers from the bytes that a target gets.

/// Returns the bytes as 32-bit words. Remaining bytes at the end are ignored.
pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}
