//! Compression of archives from any source. Libraries decompress them, one frame at a time.

use std::io::{BufReader, Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use newroot_archive::compression::decode;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Number of decompressed bytes that are compared: a few bytes can expand to gigabytes.
const MOST: u64 = 1 << 16;

/// A skippable zstd frame with two bytes of content (RFC 8878, 3.1.2).
const SKIPPED: &[u8] = b"\x50\x2a\x4d\x18\x02\0\0\0xx";

/// Decompresses arbitrary bytes, and compresses and decompresses them.
///
/// # Panics
/// If the result depends on the size of reads, or differs from the compressed bytes.
pub fn check(bytes: &[u8]) {
    let (content, error) = decoded(bytes, 1 << 16);
    let is_plain = error.is_none() && content == bytes;
    let (slow_content, slow_error) = decoded(bytes, 7);
    // Beyond the limit, one reader may have reached an error that the other hasn't.
    let is_complete = [&content, &slow_content].iter().all(|content| (content.len() as u64) < MOST);
    assert!(!is_complete || slow_error.is_some() == error.is_some(), "{error:?}, {slow_error:?}");
    if error.or(slow_error).is_none() {
        assert_eq!(slow_content, content);
    } else {
        // The library decides how much it returns before it detects damage.
        assert!(slow_content.starts_with(&content) || content.starts_with(&slow_content));
    }
    assert!(is_plain || is_compressed(bytes), "{content:?}");

    let (one, two) = bytes.split_at(bytes.len() / 2);
    let expected = (bytes.to_vec(), None);
    assert_eq!(decoded(&[gzip(one), gzip(two)].concat(), 7), expected);
    let [one, two] = [one, two].map(|part| compress_to_vec(part, CompressionLevel::Fastest));
    assert_eq!(decoded(&[&one, SKIPPED, &two, SKIPPED].concat(), 7), expected);
    assert_eq!(decoded(&[SKIPPED, &one, &two].concat(), 7), expected);
}

/// Decompresses a file that is read `step` bytes at a time. Returns the content and the error, if
/// any.
fn decoded(file: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
    let mut content = Vec::new();
    let failed = match decode(BufReader::with_capacity(step, Cursor::new(file))) {
        Ok(archive) => archive.take(MOST).read_to_end(&mut content).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    (content, failed)
}

/// Checks whether the bytes begin like a known compression format, including formats that newroot
/// rejects.
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
    encoder.write_all(bytes).expect("writing to memory succeeds");
    encoder.finish().expect("writing to memory succeeds")
}
