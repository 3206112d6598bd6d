//! The few words the shim says itself, all on standard error.

use newroot_abi::Errno;

use crate::host;

/// Writes one line, `newroot: ` and the parts. Errors are not worth a second try.
pub fn line(parts: &[&[u8]]) {
    let mut buffer = [0u8; 512];
    let mut len = 0;
    for part in [&b"newroot: "[..]].iter().chain(parts).chain([&&b"\n"[..]]) {
        for &byte in *part {
            if let Some(place) = buffer.get_mut(len) {
                *place = byte;
                len += 1;
            }
        }
    }
    if let Some(text) = buffer.get(..len) {
        let _ = host::write(2, text);
    }
}

/// Says why the session can't go on and ends the process with newroot's own exit code, 125.
pub fn fatal(parts: &[&[u8]]) -> ! {
    line(parts);
    host::exit(125)
}

/// What an error of loading a program is called (strerror(3)); `None` for one that is hardly to be met there.
#[must_use]
pub fn words(error: Errno) -> Option<&'static [u8]> {
    Some(match error {
        Errno::NOMEM => b"Cannot allocate memory",
        Errno::MFILE => b"Too many open files",
        Errno::NFILE => b"Too many open files in system",
        Errno::NOENT => b"No such file or directory",
        Errno::ACCES => b"Permission denied",
        Errno::PERM => b"Operation not permitted",
        Errno::EXIST => b"Its addresses are in use",
        Errno::INVAL => b"Invalid argument",
        Errno::IO => b"Input/output error",
        Errno::NOEXEC => b"Exec format error",
        Errno::LIBBAD => b"Accessing a corrupted shared library",
        _ => return None,
    })
}

/// A number in decimal.
#[derive(Clone, Copy)]
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// The digits of `value`.
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

    /// The text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or(&[])
    }

    /// Reads decimal digits; `None` if there is anything else, or nothing.
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
