//! Escapes for bytes that would end a path in the middle of a line: a backslash and three octal
//! digits.

/// The set of bytes that a file escapes (mangle_path() in fs/seq_file.c). If backslash isn't one of
/// them, the text is ambiguous: `\040` may also be four bytes of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escapes(&'static [u8]);

impl Escapes {
    /// Escapes of the paths in `mountinfo`, `mounts` and `mountstats` (fs/proc_namespace.c).
    pub const MOUNTS: Self = Self(b" \t\n\\");
    /// Escapes of the types and sources in those files (`mangle`).
    pub const MOUNT_TEXTS: Self = Self(b" \t\n\\#");
    /// Escapes in `maps` and `smaps` (fs/proc/task_mmu.c).
    pub const MAPS: Self = Self(b"\n");
    /// Escapes in `numa_maps`.
    pub const NUMA_MAPS: Self = Self(b"\n\t= ");

    /// Returns the bytes of the path that a text encodes.
    pub fn unescape(self, text: &[u8]) -> impl Iterator<Item = u8> {
        let mut rest = text;
        core::iter::from_fn(move || {
            let (&byte, after) = rest.split_first()?;
            match self.code(rest) {
                Some(code) => {
                    rest = after.get(3..).unwrap_or(&[]);
                    Some(code)
                }
                None => {
                    rest = after;
                    Some(byte)
                }
            }
        })
    }

    /// Returns the byte that an escape at the beginning of a text encodes.
    fn code(self, text: &[u8]) -> Option<u8> {
        let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = text else { return None };
        let code = (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0');
        self.0.contains(&code).then_some(code)
    }

    /// Returns the text that encodes a path, in pieces.
    pub fn escape(self, path: &[u8]) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = path;
        core::iter::from_fn(move || {
            let plain = rest.iter().position(|byte| self.0.contains(byte)).unwrap_or(rest.len());
            let (piece, after) = match (plain, rest) {
                (_, []) => return None,
                (0, [byte, after @ ..]) => (Piece::Escape(escape(*byte)), after),
                _ => {
                    let (plain, after) = rest.split_at_checked(plain)?;
                    (Piece::Plain(plain), after)
                }
            };
            rest = after;
            Some(piece)
        })
    }
}

fn escape(byte: u8) -> [u8; 4] {
    let digit = |shift: u8| b'0' + (byte >> shift & 7);
    [b'\\', digit(6), digit(3), digit(0)]
}

/// A piece of a path's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that need no escape.
    Plain(&'a [u8]),
    /// The escape of one byte.
    Escape([u8; 4]),
}

impl Piece<'_> {
    /// Returns the bytes to write.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Escape(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Escapes;

    fn unescaped(escapes: Escapes, text: &[u8]) -> Vec<u8> {
        escapes.unescape(text).collect()
    }

    fn escaped(escapes: Escapes, path: &[u8]) -> Vec<u8> {
        escapes.escape(path).flat_map(|piece| piece.bytes().to_vec()).collect()
    }

    #[test]
    fn unescaping_reverses_escaping() {
        let path = b"/a b\\c\td\n#e";
        let text = escaped(Escapes::MOUNTS, path);
        assert_eq!(text, b"/a\\040b\\134c\\011d\\012#e");
        assert_eq!(unescaped(Escapes::MOUNTS, &text), path);
    }

    #[test]
    fn only_what_the_file_escapes_is_unescaped() {
        assert_eq!(unescaped(Escapes::MAPS, b"/a\\040b\\012c"), b"/a\\040b\nc");
        assert_eq!(unescaped(Escapes::NUMA_MAPS, b"/a\\040b\\075c\\134"), b"/a b=c\\134");
        assert_eq!(escaped(Escapes::MAPS, b"/a b\nc\\"), b"/a b\\012c\\");
    }

    #[test]
    fn incomplete_escapes_are_left_unchanged() {
        for text in [&b"\\"[..], b"\\04", b"\\+12", b"\\009", b"\\0x4", b"\\777"] {
            assert_eq!(unescaped(Escapes::NUMA_MAPS, text), text);
        }
    }
}
