//! The tar format: POSIX.1-2001 (pax), and the extensions of GNU tar and star. Nothing in this
//! module opens a file.

mod header;
mod pax;
mod read;
mod sparse;
mod write;

use newroot_records::attribute::Attributes;

pub use self::read::{Found, Reader};
pub use self::sparse::Segment;
pub use self::write::Writer;

/// Block size in bytes. Headers and contents begin at multiples of it.
pub const BLOCK: usize = 512;

/// Type of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// Another name of an earlier entry.
    HardLink(Vec<u8>),
    /// A symlink with this text.
    Symlink(Vec<u8>),
    /// A character device: major and minor number.
    Character(u32, u32),
    /// A block device: major and minor number.
    Block(u32, u32),
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A type that this crate doesn't know, by its letter.
    Unknown(u8),
}

/// A time since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Whole seconds. Negative before 1970.
    pub seconds: i64,
    /// Nanoseconds to add, never negative, as in the kernel's timespec.
    pub nanoseconds: u32,
}

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name as in the archive, without the slash at the end of a directory's.
    pub name: Vec<u8>,
    /// Type of the entry.
    pub kind: Kind,
    /// Permission bits, without the file type.
    pub mode: u32,
    /// User number of the owner.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
    /// Size of a regular file in bytes, including its holes.
    pub size: u64,
    /// Time of the last change of its content.
    pub modified: Time,
    /// Extended attributes by name.
    pub attributes: Attributes,
}

/// Returns the number of bytes that fill the last block behind `size` bytes of content.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;

    use super::*;

    fn kind() -> impl Strategy<Value = Kind> {
        let text = prop::collection::vec(1_u8.., 1..300);
        prop_oneof![
            Just(Kind::File),
            text.clone().prop_map(Kind::HardLink),
            text.prop_map(Kind::Symlink),
            (any::<u32>(), any::<u32>()).prop_map(|(major, minor)| Kind::Character(major, minor)),
            (0..4096_u32, 0..1_u32 << 20).prop_map(|(major, minor)| Kind::Block(major, minor)),
            Just(Kind::Directory),
            Just(Kind::Fifo),
        ]
    }

    prop_compose! {
        fn entry()(
            name in prop::collection::vec(1_u8.., 1..300).prop_filter("a slash at the end goes", |name| name.last() != Some(&b'/')),
            kind in kind(),
            mode in 0..0o10000_u32,
            (uid, gid) in (0..u32::MAX, 0..u32::MAX),
            content in prop::collection::vec(any::<u8>(), 0..1500),
            (seconds, nanoseconds) in (any::<i64>(), prop_oneof![Just(0_u32), 0..1_000_000_000_u32]),
            attributes in prop::collection::btree_map(
                prop::collection::vec(1_u8.., 1..20), prop::collection::vec(any::<u8>(), 0..100), 0..3),
        ) -> (Entry, Vec<u8>) {
            let content = if kind == Kind::File { content } else { Vec::new() };
            let modified = Time { seconds, nanoseconds };
            let size = content.len() as u64;
            (Entry { name, kind, mode, uid, gid, size, modified, attributes }, content)
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(entries in prop::collection::vec(entry(), 0..4)) {
            let mut writer = write::Writer::new(Vec::new());
            for (entry, content) in &entries {
                writer.entry(entry).unwrap();
                writer.content(content).unwrap();
            }
            let archive = writer.finish().unwrap();
            prop_assert_eq!(archive.len() % BLOCK, 0);
            let mut reader = read::Reader::new(Cursor::new(archive));
            for (entry, content) in entries {
                let found = reader.next_entry().unwrap().unwrap();
                prop_assert_eq!(found.entry, entry);
                let mut read = Vec::new();
                reader.read_to_end(&mut read).unwrap();
                prop_assert_eq!(read, content);
            }
            prop_assert!(reader.next_entry().unwrap().is_none());
        }

        #[test]
        fn nonsense_is_no_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            // With right checksums the decoder gets further.
            for block in bytes.chunks_exact_mut(BLOCK) {
                header::seal(block.try_into().unwrap());
            }
            let mut reader = read::Reader::new(Cursor::new(bytes));
            while let Ok(Some(_)) = reader.next_entry() {}
        }
    }
}
