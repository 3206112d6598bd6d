//! Files with holes: the segments that the archive has content for.

/// A segment with content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Byte offset in the file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// Limit of a file's segments: four million, more than any file system has had.
pub(super) const SEGMENTS_MAX: u64 = 1 << 22;

/// Returns whether the segments are in order, end within `size` bytes, and take `stored` bytes of
/// the archive.
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
