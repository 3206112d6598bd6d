//! The mounts of a session with many bindings, laid out in a segment that all its processes map.
//!
//! As strings of the plan, many mounts would be copied by every exec and would reduce the space for
//! the guest's own arguments. The launcher therefore appends them, with an index over them, to the
//! shim's image as one more segment that can be used as it is. The kernel maps the segment with the
//! image at every exec, and all processes share its pages.
//!
//! | part | content |
//! |---|---|
//! | [`Header`] | eight words |
//! | index | the words of `newroot_paths::index` |
//! | mounts | one [`Mount`] each, with addresses into the texts |
//! | texts | the mounts as strings of the plan, each ended by a NUL, for a newroot inside |

use core::mem::offset_of;

use crate::plan::Mount;

/// Address of the segment, above the end of the image.
pub const ADDRESS: usize = 0x7010_0000;

/// Index of the image's program header that the segment's header replaces.
pub const PROGRAM_HEADER: usize = 3;

/// Bytes of an encoded [`Header`].
pub const HEADER_LEN: usize = 32;

/// Bytes of a mount.
pub const MOUNT_LEN: usize = size_of::<Mount<'_>>();

const MAGIC: [u32; 2] = [0x746e_6d6e, 0x0100_7374];

/// Positions and sizes of the parts. Positions are in bytes from the start of the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole segment.
    pub len: u32,
    /// Position of the index, whose words have four bytes.
    pub index: u32,
    /// Number of words in the index.
    pub index_words: u32,
    /// Position of the mounts.
    pub mounts: u32,
    /// Number of mounts.
    pub count: u32,
    /// Position of the texts.
    pub texts: u32,
}

impl Header {
    /// Encodes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let [first, second] = MAGIC;
        let words =
            [first, second, self.len, self.index, self.index_words, self.mounts, self.count, self.texts];
        let mut out = [0; HEADER_LEN];
        for (bytes, word) in out.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        out
    }

    /// Reads a header back. Returns `None` if the bytes aren't a header, or if its parts overlap or
    /// exceed its length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = [0; HEADER_LEN / 4];
        for (word, bytes) in words.iter_mut().zip(bytes.get(..HEADER_LEN)?.chunks_exact(4)) {
            *word = u32::from_ne_bytes(bytes.try_into().ok()?);
        }
        let [first, second, len, index, index_words, mounts, count, texts] = words;
        let index_end = index.checked_add(index_words.checked_mul(4)?)?;
        let mounts_end = mounts.checked_add(count.checked_mul(MOUNT_LEN as u32)?)?;
        let aligned = index.is_multiple_of(4) && mounts.is_multiple_of(align_of::<Mount<'_>>() as u32);
        let ordered = [HEADER_LEN as u32, index, index_end, mounts, mounts_end, texts, len].is_sorted();
        ([first, second] == MAGIC && aligned && ordered).then_some(Self {
            len,
            index,
            index_words,
            mounts,
            count,
            texts,
        })
    }
}

/// Encodes a mount whose two paths lie at these addresses in the process that will read it.
#[must_use]
pub fn encode_mount(mount: &Mount<'_>, guest: u64, host: u64) -> [u8; MOUNT_LEN] {
    let mut out = [0; MOUNT_LEN];
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    for (at, address, len) in [
        (offset_of!(Mount<'_>, guest), guest, mount.guest.len()),
        (offset_of!(Mount<'_>, host), host, mount.host.len()),
    ] {
        put(at, &address.to_ne_bytes());
        put(at + 8, &(len as u64).to_ne_bytes());
    }
    put(offset_of!(Mount<'_>, flags), &mount.flags.0.to_ne_bytes());
    put(offset_of!(Mount<'_>, parent.0), &mount.parent.0.to_ne_bytes());
    put(offset_of!(Mount<'_>, parent.1), &mount.parent.1.to_ne_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        len: 1000,
        index: 32,
        index_words: 10,
        mounts: 72,
        count: 3,
        texts: 72 + 3 * MOUNT_LEN as u32,
    };

    #[test]
    fn header_survives_the_round_trip() {
        assert_eq!(Header::decode(&HEADER.encode()), Some(HEADER));
    }

    #[test]
    fn header_whose_parts_overlap_or_lie_outside_is_refused() {
        for wrong in [
            Header { len: 200, ..HEADER },
            Header { index: 0, ..HEADER },
            Header { index_words: u32::MAX, ..HEADER },
            Header { mounts: 64, ..HEADER },
            Header { mounts: 76, ..HEADER },
            Header { count: 4, ..HEADER },
            Header { count: u32::MAX, ..HEADER },
        ] {
            assert_eq!(Header::decode(&wrong.encode()), None, "{wrong:?}");
        }
        assert_eq!(Header::decode(&[0; HEADER_LEN]), None);
        assert_eq!(Header::decode(&HEADER.encode()[..31]), None);
    }
}
