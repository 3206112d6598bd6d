//! Archives, made by whomever.

use std::io::{Cursor, Read as _};

use newroot_archive::tar::{BLOCK, Entry, Found, Kind, Reader, Writer};

/// The bytes of a header's checksum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Reads any bytes as an archive, as they are and with every block's checksum mended, without which few would get far.
///
/// # Panics
/// If what is written of the entries isn't read as the same entries.
pub fn check(bytes: &[u8]) {
    read_and_write(bytes.to_vec());
    let mut mended = bytes.to_vec();
    mended.chunks_exact_mut(BLOCK).for_each(mend);
    if mended != bytes {
        read_and_write(mended);
    }
}

/// Gives a block the checksum of a header, if it has anything in it, and none that is right.
fn mend(block: &mut [u8]) {
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
        assert!(content.len() as u64 <= len, "content comes from the archive");
        assert!(entry.name.last() != Some(&b'/') && !entry.name.contains(&0), "{entry:?}");
        assert!(entry.modified.nanoseconds < 1_000_000_000 && entry.mode <= 0o7777, "{entry:?}");
        if let Some(map) = &sparse {
            check_map(map.iter().map(|part| (part.offset, part.len)), entry.size, content.len() as u64);
        } else if entry.kind == Kind::File {
            assert_eq!(content.len() as u64, entry.size);
        }
        // What has holes, and what isn't known, is never written.
        if sparse.is_none() && !matches!(entry.kind, Kind::Unknown(_)) {
            let content = if entry.kind == Kind::File { content } else { Vec::new() };
            read.push((entry, content));
        }
    }
    let mut writer = Writer::new(Vec::new());
    for (entry, content) in &read {
        writer.entry(entry).expect("memory takes all");
        writer.content(content).expect("as much as the entry says");
    }
    let written = writer.finish().expect("memory takes all");
    assert_eq!(written.len() % BLOCK, 0);
    let mut reader = Reader::new(Cursor::new(written));
    for (entry, content) in read {
        let again = reader.next_entry().expect("our own archive").expect("as many entries");
        assert_eq!(again.entry, entry);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("it is whole");
        assert_eq!(read, content);
    }
    assert!(reader.next_entry().expect("our own archive").is_none());
}

/// The parts of a sparse file are in order, within it, and are all that the archive has of it.
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
