//! Numbers in decimal.

/// Decimal digits of a number.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// Converts `value` to digits.
    #[must_use]
    pub fn new(mut value: u64) -> Self {
        let mut number = Self { digits: [b'0'; 20], start: 20 };
        loop {
            number.start -= 1;
            if let Some(digit) = number.digits.get_mut(number.start) {
                *digit = b'0' + (value % 10) as u8;
            }
            value /= 10;
            if value == 0 || number.start == 0 {
                return number;
            }
        }
    }

    /// Returns the digits as text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or(&[])
    }

    /// Reads decimal digits. Returns `None` if the text is empty, contains any other byte, or
    /// exceeds a `u64`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<u64> {
        if text.is_empty() {
            return None;
        }
        text.iter().try_fold(0u64, |value, byte| {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
            value.checked_mul(10)?.checked_add(u64::from(digit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn a_written_number_is_read_back() {
        for value in [0, 9, 10, 4294967296, u64::MAX] {
            let number = Decimal::new(value);
            assert_eq!(number.bytes(), std::format!("{value}").as_bytes());
            assert_eq!(Decimal::parse(number.bytes()), Some(value));
        }
    }

    #[test]
    fn only_digits_form_a_number() {
        for text in ["", "-1", "+1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(Decimal::parse(text.as_bytes()), None, "{text}");
        }
    }
}
