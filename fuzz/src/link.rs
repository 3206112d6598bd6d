//! The text of a symbolic link that stands for a hard link. Any program may create one.

use newroot_abi::links::Id;

/// Reads arbitrary bytes as a link's text, and as a host path below a root.
///
/// # Panics
/// If the text isn't restored when it is written, or if a file isn't recognized by its own path.
pub fn check(bytes: &[u8]) {
    if let Some(id) = Id::of_text(bytes) {
        assert_eq!(id.text()[..], *bytes);
    }
    if let Some((number, root)) = bytes.split_first_chunk() {
        let id = Id(u64::from_le_bytes(*number));
        assert!(id.text().starts_with(&id.directory()));
        assert_eq!(Id::of_text(&id.text()), Some(id));
        assert_eq!(Id::of_path(&[root, &id.text()].concat(), root), Some(id));
        assert_eq!(Id::of_path(&id.text(), root).is_some(), root.is_empty());
    }
}
