//! The tar format: POSIX.1-2001 (pax), and what GNU tar and star write besides. Nothing in here touches a file.

mod header;
mod pax;
mod read;
mod sparse;
mod write;

use newroot_records::attribute::Attributes;

pub use self::read::{Found, Reader};
pub use self::sparse::Segment;
pub use self::write::Writer;

/// Everything is in blocks of this size.
pub const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// Another name of an earlier entry.
    HardLink(Vec<u8>),
    /// A symbolic link to this text.
    Symlink(Vec<u8>),
    /// A character device, by its major and minor number.
    Character(u32, u32),
    /// A block device, likewise.
    Block(u32, u32),
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// Something else, by its letter.
    Unknown(u8),
}

/// A time since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Whole seconds, before 1970 negative.
    pub seconds: i64,
    /// Always forward, as in the kernel.
    pub nanoseconds: u32,
}

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it stands there; without the slash behind a directory's.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions, without the type.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Of a regular file's content, with its holes.
    pub size: u64,
    /// When its content was changed last.
    pub modified: Time,
    /// Extended attributes by name.
    pub attributes: Attributes,
}

/// How many bytes follow `size` bytes of content up to the next block.
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
            // Checksums that are right let it get further.
            for block in bytes.chunks_exact_mut(BLOCK) {
                header::seal(block.try_into().unwrap());
            }
            let mut reader = read::Reader::new(Cursor::new(bytes));
            while let Ok(Some(_)) = reader.next_entry() {}
        }
    }
}
