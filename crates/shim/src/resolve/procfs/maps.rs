//! A process's map of memory: `/proc/PID/maps`, line by line (proc_pid_maps(5)).

use newroot_abi::Errno;

use crate::host::{self, Descriptor};

/// One line: a range of addresses with the same rights and the same origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Rights and kind, as in `r-xp`.
    pub rights: &'a [u8],
    /// Path of the file, a name in brackets, or nothing.
    pub name: &'a [u8],
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        // Range, rights, offset, device, inode; then blanks and the name.
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
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

/// The lines of a map. One longer than the buffer loses its end.
pub struct Maps {
    file: Descriptor,
    buffer: [u8; 8192],
    start: usize,
    end: usize,
}

impl Maps {
    /// Reads from a `maps` file that was just opened.
    #[must_use]
    pub fn new(file: Descriptor) -> Self {
        Self { file, buffer: [0; 8192], start: 0, end: 0 }
    }

    /// The next mapping, in the order of addresses; `None` behind the last.
    ///
    /// # Errors
    /// read(2)'s; EINVAL for a line that can't be read.
    pub fn next_mapping(&mut self) -> Result<Option<Mapping<'_>>, Errno> {
        match self.next_line()? {
            Some(line) => Mapping::parse(line).map(Some).ok_or(Errno::INVAL),
            None => Ok(None),
        }
    }

    fn next_line(&mut self) -> Result<Option<&[u8]>, Errno> {
        loop {
            let filled = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(len) = filled.iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.start + len;
                self.start += len + 1;
                return Ok(self.buffer.get(line));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let space = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            if space.is_empty() {
                self.end = 0;
                continue;
            }
            let len = host::read(self.file.number(), space)?;
            if len == 0 {
                return Ok(None);
            }
            self.end += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn a_line_has_range_rights_and_name() {
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
}
