//! What an archive is compressed with: libraries undo it, a frame at a time, of files made by whomever.

use std::io::{BufReader, Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use newroot_archive::compression::decode;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// As much is looked at of what comes out: a few bytes can be gigabytes.
const MOST: u64 = 1 << 16;

/// A frame of zstd's with two bytes that nobody reads (RFC 8878, 3.1.2).
const SKIPPED: &[u8] = b"\x50\x2a\x4d\x18\x02\0\0\0xx";

/// Reads any bytes as a compressed file, and compresses them.
///
/// # Panics
/// If what comes out depends on how much is read at once, or isn't what was put in.
pub fn check(bytes: &[u8]) {
    let (content, error) = decoded(bytes, 1 << 16);
    let is_same = error.is_none() && content == bytes;
    let (slowly, slow_error) = decoded(bytes, 7);
    // Where no more is looked at, one may have come by an error that the other hasn't.
    let is_all = [&content, &slowly].iter().all(|content| (content.len() as u64) < MOST);
    assert!(!is_all || slow_error.is_some() == error.is_some(), "{error:?}, {slow_error:?}");
    if error.or(slow_error).is_none() {
        assert_eq!(slowly, content);
    } else {
        // How much of it comes out before it is seen to be damaged is the library's business.
        assert!(slowly.starts_with(&content) || content.starts_with(&slowly));
    }
    assert!(is_same || is_compressed(bytes), "{content:?}");

    let (one, two) = bytes.split_at(bytes.len() / 2);
    let expected = (bytes.to_vec(), None);
    assert_eq!(decoded(&[gzip(one), gzip(two)].concat(), 7), expected);
    let [one, two] = [one, two].map(|part| compress_to_vec(part, CompressionLevel::Fastest));
    assert_eq!(decoded(&[&one, SKIPPED, &two, SKIPPED].concat(), 7), expected);
    assert_eq!(decoded(&[SKIPPED, &one, &two].concat(), 7), expected);
}

/// What comes out, and what kept more from it, if the file is read so many bytes at a time.
fn decoded(file: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
    let mut content = Vec::new();
    let failed = match decode(BufReader::with_capacity(step, Cursor::new(file))) {
        Ok(archive) => archive.take(MOST).read_to_end(&mut content).err().map(|error| error.to_string()),
        Err(damage) => Some(damage.to_string()),
    };
    (content, failed)
}

/// Whether something is compressed in a way that is known, if only so that it is refused.
fn is_compressed(bytes: &[u8]) -> bool {
    let known: [&[u8]; 8] = [
        b"\x1f\x8b",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"\x04\x22\x4d\x18",
        b"LZIP",
        b"\x5d\0\0",
        b"\x1f\x9d",
    ];
    let is_skipped = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    is_skipped || known.iter().any(|magic| bytes.starts_with(magic))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
