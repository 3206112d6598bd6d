//! Numbers in hexadecimal, of fixed width.

/// Writes `value` as lower-case hexadecimal, zero-padded to the width of `out`.
pub fn put_hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

/// Reads a number that [`put_hex`] wrote. Returns `None` for any other text.
#[must_use]
pub fn get_hex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}
