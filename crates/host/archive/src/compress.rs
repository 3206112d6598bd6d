//! Compresses an archive while it is written.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression as Level, GzBuilder};
use lzma_rust2::{XzOptions, XzWriter};

/// A way to compress an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// gzip, without a name and a time in its header, so that the same archive gives the same
    /// bytes.
    Gzip,
    /// xz, as `xz -6` compresses.
    Xz,
}

/// xz(1)'s default level.
const XZ_LEVEL: u32 = 6;

/// A writer that compresses to another writer.
pub(crate) enum Compressor<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Xz(Box<XzWriter<W>>),
}

impl<W: Write> Compressor<W> {
    /// Begins to compress to `out`.
    ///
    /// # Errors
    /// The I/O error of `out`, if a header can't be written to it.
    pub(crate) fn new(out: W, how: Compression) -> io::Result<Self> {
        Ok(match how {
            Compression::None => Self::Plain(out),
            Compression::Gzip => Self::Gzip(GzBuilder::new().write(out, Level::default())),
            Compression::Xz => Self::Xz(Box::new(XzWriter::new(out, XzOptions::with_preset(XZ_LEVEL))?)),
        })
    }

    /// Writes what is still in the compressor's buffers, and returns the inner writer.
    ///
    /// # Errors
    /// The I/O error of the inner writer, if it can't be written to.
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
