//! Files with holes: what of them the archive has content for.

/// A part with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where in the file it is.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// How many parts a file may have: four million, which is more than any file system has had.
pub(super) const SEGMENTS_MAX: u64 = 1 << 22;

/// Whether the parts are in order, end within `size` bytes, and take `stored` bytes of the archive.
pub(super) fn is_sound(map: &[Segment], size: u64, stored: u64) -> bool {
    let mut end = 0_u64;
    let mut total = 0_u64;
    for segment in map {
        let Some(next) = segment.offset.checked_add(segment.len) else { return false };
        if segment.offset < end || next > size {
            return false;
        }
        end = next;
        total += segment.len;
    }
    total == stored
}
