//! Files with a `NAME:<tab>VALUE` on each line: `/proc/PID/status` (proc_pid_status(5)),
//! `/proc/PID/fdinfo/N`.

/// Returns the value of a name, or `None` if the name is missing or its line has no newline, which
/// means that the text is cut off.
#[must_use]
pub fn value<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(b":\t"))?
        .strip_suffix(b"\n")
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_truncated_value_is_not_returned() {
        let text = b"Name:\tTracerPid:\\t1\nPPid:\t2\nPid:\t34\nTracerPid:\t1";
        assert_eq!(value(text, b"Pid"), Some(&b"34"[..]));
        assert_eq!(value(text, b"Name"), Some(&b"TracerPid:\\t1"[..]));
        assert_eq!(value(text, b"TracerPid"), None);
        assert_eq!(value(text, b"Uid"), None);
    }
}
