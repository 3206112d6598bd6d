//! Line-by-line reading of a text that arrives in pieces.

use core::mem;

/// The lines of a text. A line longer than `N` bytes is truncated to `N` bytes.
#[derive(Debug)]
pub struct Lines<const N: usize> {
    buffer: [u8; N],
    start: usize,
    end: usize,
    /// Whether the bytes up to the next newline are the rest of a truncated line that was returned
    /// already.
    is_rest: bool,
}

impl<const N: usize> Default for Lines<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Lines<N> {
    /// Creates a reader that has read nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; N], start: 0, end: 0, is_rest: false }
    }

    /// Returns the next line without its newline, or `None` after the last line. `read` works like
    /// read(2): it fills a part of its buffer and returns the number of bytes; zero means the end.
    ///
    /// # Errors
    /// The error of `read`, if it fails.
    pub fn next<E>(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Option<&[u8]>, E> {
        loop {
            let unread = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(len) = unread.iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.start + len;
                self.start = line.end + 1;
                if mem::take(&mut self.is_rest) {
                    continue;
                }
                return Ok(self.buffer.get(line));
            }
            if self.is_rest {
                self.start = self.end;
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let space = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            if space.is_empty() {
                self.is_rest = true;
                return Ok(Some(&self.buffer));
            }
            let read = read(space)?.min(space.len());
            if read == 0 {
                let last = 0..mem::take(&mut self.end);
                return Ok(self.buffer.get(last).filter(|last| !last.is_empty()));
            }
            self.end += read;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::vec::Vec;

    use super::Lines;

    /// Returns the lines of a text that is read `piece` bytes at a time.
    fn lines<const N: usize>(mut text: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::<N>::new();
        let mut read = |buffer: &mut [u8]| {
            let len = piece.min(buffer.len()).min(text.len());
            buffer[..len].copy_from_slice(&text[..len]);
            text = &text[len..];
            Ok::<_, Infallible>(len)
        };
        let mut all = Vec::new();
        while let Ok(Some(line)) = lines.next(&mut read) {
            all.push(line.to_vec());
        }
        all
    }

    #[test]
    fn lines_do_not_depend_on_the_size_of_reads() {
        for piece in 1..20 {
            assert_eq!(lines::<8>(b"one\n\nthree\nfour", piece), [&b"one"[..], b"", b"three", b"four"]);
        }
    }

    #[test]
    fn a_long_line_is_truncated() {
        for piece in 1..20 {
            let text = b"12345678\n123456789\n1234567890123456789\nx\n";
            assert_eq!(lines::<8>(text, piece), [&b"12345678"[..], b"12345678", b"12345678", b"x"]);
        }
    }
}
