//! Decompresses an archive. Its first bytes say how it is compressed.

use std::error::Error as _;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::error::Damage;
use crate::interruptible;

/// Number of bytes that identify a format.
const MAGIC_MAX: usize = 6;
/// Limit of a decoder's window, in bytes. `zstd --ultra -22` and `xz -9` want up to 128 MiB, `zstd
/// --long=31` 2 GiB.
const WINDOW_MAX: u64 = 2 << 30;

/// Returns a reader of the decompressed archive.
///
/// # Errors
/// The error of reading the first bytes, or [`Damage::Compression`] for a format that newroot can't
/// decompress.
pub fn decode<'a, R: BufRead + 'a>(mut input: R) -> Result<Box<dyn Read + 'a>, Damage> {
    let mut first = [0; MAGIC_MAX];
    let mut len = 0;
    while len < MAGIC_MAX {
        match input.read(&mut first[len..]) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let first = first[..len].to_vec();
    let starts_with = |magic: &[u8]| first.starts_with(magic);
    let kind = if starts_with(b"\x1f\x8b") {
        Kind::Gzip
    } else if starts_with(b"\xfd7zXZ\0") {
        Kind::Xz
    } else if starts_with(b"\x28\xb5\x2f\xfd") || first.len() >= 4 && is_skippable(&first) {
        Kind::Zstd
    } else if starts_with(b"BZh") {
        return Err(Damage::Compression("bzip2"));
    } else if starts_with(b"\x04\x22\x4d\x18") {
        return Err(Damage::Compression("lz4"));
    } else if starts_with(b"LZIP") {
        return Err(Damage::Compression("lzip"));
    } else if starts_with(b"\x5d\0\0") {
        return Err(Damage::Compression("lzma"));
    } else if starts_with(b"\x1f\x9d") {
        return Err(Damage::Compression("compress"));
    } else {
        Kind::Plain
    };
    let whole = io::Cursor::new(first).chain(input);
    Ok(match kind {
        Kind::Plain => Box::new(whole),
        Kind::Gzip => {
            Box::new(InWords { decoder: MultiGzDecoder::new(whole), damage: "its gzip data is damaged" })
        }
        Kind::Xz => {
            let decoder = XzReader::new_mem_limit(whole, true, (WINDOW_MAX >> 10) as u32);
            Box::new(InWords { decoder, damage: "its xz data is damaged" })
        }
        Kind::Zstd => {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(WINDOW_MAX);
            let decoder = Zstd { input: whole, decoder, within: false };
            Box::new(InWords { decoder, damage: "its zstd data is damaged" })
        }
    })
}

/// A decoder whose errors about its data are worded alike, whichever library it is from.
struct InWords<R> {
    decoder: R,
    damage: &'static str,
}

impl<R: Read> Read for InWords<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{
            Interrupted, InvalidData, InvalidInput, Other, OutOfMemory, UnexpectedEof, Unsupported,
        };
        self.decoder.read(out).map_err(|error| match error.kind() {
            _ if is_of_the_input(&error) => error,
            Interrupted | UnexpectedEof => error,
            OutOfMemory => io::Error::other("it wants more memory to be decompressed than newroot gives it"),
            InvalidData | InvalidInput | Unsupported | Other => io::Error::other(self.damage),
            _ => error,
        })
    }
}

enum Kind {
    Plain,
    Gzip,
    Xz,
    Zstd,
}

/// Returns whether these bytes begin a skippable frame (RFC 8878, 3.1.2).
fn is_skippable(first: &[u8]) -> bool {
    first[0] & 0xf0 == 0x50 && first[1..4] == [0x2a, 0x4d, 0x18]
}

/// Reads all frames of a zstd stream. The library's own reader ends with the first frame.
struct Zstd<R: BufRead> {
    input: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if !self.within {
                if self.input.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(out);
            } else if self.decoder.is_finished() {
                self.end()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.input, one);
                decoded.map_err(|error| self.failed(error))?;
            }
        }
        Ok(0)
    }
}

impl<R: BufRead> Zstd<R> {
    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.input) {
            Ok(()) => {
                self.within = true;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
                if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.within = false;
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stored), Some(calculated)) if stored != calculated => {
                Err(io::Error::other("the zstd checksum is wrong"))
            }
            _ => Ok(()),
        }
    }

    fn failed(&mut self, error: FrameDecoderError) -> io::Error {
        match self.input.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => of_the_input(&error).unwrap_or_else(|| io::Error::other(error)),
        }
    }
}

/// Returns whether reading the file failed, as opposed to decoding its contents.
fn is_of_the_input(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
        || error.get_ref().is_some_and(|inner| inner.is::<interruptible::Interrupted>())
}

/// Returns the error of reading the file that caused a decoder's error, if one did.
fn of_the_input(error: &FrameDecoderError) -> Option<io::Error> {
    let mut next = error.source();
    while let Some(error) = next {
        match error.downcast_ref::<io::Error>() {
            Some(error) if is_of_the_input(error) => {
                let interrupted = || io::Error::other(interruptible::Interrupted);
                return Some(error.raw_os_error().map_or_else(interrupted, io::Error::from_raw_os_error));
            }
            _ => next = error.source(),
        }
    }
    None
}
