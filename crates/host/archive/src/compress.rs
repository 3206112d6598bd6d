//! Compressing an archive as it is written.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression as Level, GzBuilder};
use lzma_rust2::{XzOptions, XzWriter};

/// What an archive is compressed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// gzip, without a name and a time, so that the same archive gives the same bytes.
    Gzip,
    /// xz, as `xz -6` does it.
    Xz,
}

/// The level of xz(1) without options.
const XZ_LEVEL: u32 = 6;

/// Compresses what is written to it, and writes that on.
pub(crate) enum Compressor<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Xz(Box<XzWriter<W>>),
}

impl<W: Write> Compressor<W> {
    /// Compresses into `out`.
    ///
    /// # Errors
    /// Those of writing a header.
    pub(crate) fn new(out: W, how: Compression) -> io::Result<Self> {
        Ok(match how {
            Compression::None => Self::Plain(out),
            Compression::Gzip => Self::Gzip(GzBuilder::new().write(out, Level::default())),
            Compression::Xz => Self::Xz(Box::new(XzWriter::new(out, XzOptions::with_preset(XZ_LEVEL))?)),
        })
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Those of writing it.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Xz(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Xz(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Xz(writer) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::compression::decode;

    #[test]
    fn what_is_compressed_is_read_again() {
        let text = b"the same bytes again and again\n".repeat(10_000);
        for how in [Compression::None, Compression::Gzip, Compression::Xz] {
            let mut compressor = Compressor::new(Vec::new(), how).unwrap();
            compressor.write_all(&text).unwrap();
            let stored = compressor.finish().unwrap();
            assert_eq!(stored.len() < text.len() / 10, how != Compression::None, "{how:?}");
            let mut read = Vec::new();
            decode(&stored[..]).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == text, "{how:?}");
        }
    }
}
