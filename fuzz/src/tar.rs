//! Archives from any source.

use std::io::{Cursor, Read as _};

use newroot_archive::tar::{BLOCK, Entry, Found, Kind, Reader, Writer};

/// Position of the checksum in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Reads arbitrary bytes as an archive, once unchanged and once with correct checksums, without
/// which few inputs would get far.
///
/// # Panics
/// If entries don't survive the round trip.
pub fn check(bytes: &[u8]) {
    read_and_write(bytes.to_vec());
    let mut repaired = bytes.to_vec();
    repaired.chunks_exact_mut(BLOCK).for_each(repair);
    if repaired != bytes {
        read_and_write(repaired);
    }
}

/// Sets the checksum of a header in a block, unless the block is empty.
fn repair(block: &mut [u8]) {
    if block.iter().all(|&byte| byte == 0) {
        return;
    }
    block[CHECKSUM].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn read_and_write(archive: Vec<u8>) {
    let len = archive.len() as u64;
    let mut reader = Reader::new(Cursor::new(archive));
    let mut read: Vec<(Entry, Vec<u8>)> = Vec::new();
    while let Ok(Some(Found { entry, sparse, .. })) = reader.next_entry() {
        let mut content = Vec::new();
        if reader.read_to_end(&mut content).is_err() {
            break;
        }
        assert!(content.len() as u64 <= len, "the content must come from the archive");
        assert!(entry.name.last() != Some(&b'/') && !entry.name.contains(&0), "{entry:?}");
        assert!(entry.modified.nanoseconds < 1_000_000_000 && entry.mode <= 0o7777, "{entry:?}");
        if let Some(map) = &sparse {
            check_map(map.iter().map(|part| (part.offset, part.len)), entry.size, content.len() as u64);
        } else if entry.kind == Kind::File {
            assert_eq!(content.len() as u64, entry.size);
        }
        // Sparse files and entries of unknown type are never written.
        if sparse.is_none() && !matches!(entry.kind, Kind::Unknown(_)) {
            let content = if entry.kind == Kind::File { content } else { Vec::new() };
            read.push((entry, content));
        }
    }
    let mut writer = Writer::new(Vec::new());
    for (entry, content) in &read {
        writer.entry(entry).expect("writing to memory succeeds");
        writer.content(content).expect("content of the entry's size");
    }
    let written = writer.finish().expect("writing to memory succeeds");
    assert_eq!(written.len() % BLOCK, 0);
    let mut reader = Reader::new(Cursor::new(written));
    for (entry, content) in read {
        let again = reader.next_entry().expect("newroot's own archive").expect("the same number of entries");
        assert_eq!(again.entry, entry);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("complete content");
        assert_eq!(read, content);
    }
    assert!(reader.next_entry().expect("newroot's own archive").is_none());
}

/// Checks that the parts of a sparse file are in order, lie inside the file, and cover all stored
/// bytes.
fn check_map(parts: impl Iterator<Item = (u64, u64)>, size: u64, stored: u64) {
    let mut end = 0;
    let mut total = 0;
    for (offset, len) in parts {
        assert!(offset >= end);
        end = offset + len;
        total += len;
    }
    assert!(end <= size);
    assert_eq!(total, stored);
}
