//! `/proc/PID/stat` (proc_pid_stat(5)).

/// Returns a field by its number in the manual page, which must be at least 3.
#[must_use]
pub fn field(text: &[u8], number: usize) -> Option<&[u8]> {
    /// Number of the first field after the name. The name is in parentheses and may contain any
    /// byte; the fields after it contain no parenthesis.
    const STATE: usize = 3;
    let name_end = text.iter().rposition(|&byte| byte == b')')?;
    let mut fields = text.get(name_end + 1..)?.trim_ascii().split(|&byte| byte == b' ');
    fields.nth(number.checked_sub(STATE)?)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn the_name_may_hold_anything() {
        let text = b"12 (a) R 1 (b) S 34 12 12 0\n";
        assert_eq!(field(text, 3), Some(&b"S"[..]));
        assert_eq!(field(text, 4), Some(&b"34"[..]));
        assert_eq!(field(text, 7), Some(&b"0"[..]));
        assert_eq!(field(text, 8), None);
        assert_eq!(field(text, 2), None);
    }
}
