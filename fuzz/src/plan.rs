//! The strings of a plan: decoding and encoding must be inverse, to the byte.

use newroot_abi::plan::{Header, LEAST_STRINGS, MOUNT_PREFIX_LEN, Mount};
use newroot_abi::table;

/// Decodes arbitrary bytes as a header, as a table's header and as a mount, and encodes the result
/// again.
///
/// # Panics
/// If the encoded bytes differ from the input.
pub fn check(bytes: &[u8]) {
    if let Some(header) = Header::decode(bytes) {
        assert_eq!(header.encode(), *bytes);
        assert!(header.strings as usize >= LEAST_STRINGS && header.strings.is_multiple_of(2));
    }
    if let Some(header) = table::Header::decode(bytes) {
        assert_eq!(header.encode(), bytes[..table::HEADER_LEN]);
        let mounts_end = header.mounts as usize + header.count as usize * table::MOUNT_LEN;
        assert!(header.index + 4 * header.index_words <= header.mounts);
        assert!(mounts_end <= header.texts as usize && header.texts <= header.len);
    }
    if let Some(mount) = Mount::decode(bytes) {
        let written = [&mount.encode_prefix()[..], mount.guest, mount.host].concat();
        assert_eq!(written, *bytes);
        for path in [mount.guest, mount.host] {
            assert!(path.is_empty() || path.len() > 1 && path.starts_with(b"/"));
        }
        assert_eq!(bytes.len() - MOUNT_PREFIX_LEN, mount.guest.len() + mount.host.len());
    }
}
