//! A process's memory map: the lines of `/proc/PID/maps` (proc_pid_maps(5)).

/// A line: a range of addresses with the same permissions and the same backing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// Address after the last one.
    pub end: u64,
    /// Permissions and kind, such as `r-xp`.
    pub rights: &'a [u8],
    /// Path of the file, a name in brackets, or empty.
    pub name: &'a [u8],
}

impl<'a> Mapping<'a> {
    /// Reads a line. Returns `None` if it isn't one.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        // Range, permissions, offset, device, inode; then blanks and the name.
        let mut fields = line.splitn(6, |&byte| byte == b' ');
        let range = fields.next()?;
        let rights = fields.next()?;
        let name = fields.nth(3).unwrap_or(&[]).trim_ascii_start();
        let dash = range.iter().position(|&byte| byte == b'-')?;
        let (start, end) = (parse_hex(range.get(..dash)?)?, parse_hex(range.get(dash + 1..)?)?);
        Some(Self { start, end, rights, name })
    }
}

fn parse_hex(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn a_line_has_a_range_permissions_and_a_name() {
        let line = b"7f0000001000-7f0000002000 r-xp 00026000 fe:01 1234                   /usr/lib/a b.so";
        let mapping = Mapping::parse(line);
        let (start, end) = (0x7f00_0000_1000, 0x7f00_0000_2000);
        assert_eq!(mapping, Some(Mapping { start, end, rights: b"r-xp", name: b"/usr/lib/a b.so" }));
    }

    #[test]
    fn anonymous_memory_has_no_name() {
        let mapping = Mapping::parse(b"00400000-00401000 rw-p 00000000 00:00 0");
        assert_eq!(mapping.map(|mapping| mapping.name), Some(&b""[..]));
    }

    #[test]
    fn a_line_without_a_range_is_rejected() {
        for line in ["", "VmFlags: rd", "-", "1- r", "-1 r", "10000000000000000-2 r--p", "1-2"] {
            assert_eq!(Mapping::parse(line.as_bytes()), None, "{line}");
        }
    }
}
