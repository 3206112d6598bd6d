//! Hints in the plan: the symlinks in the root directory (`newroot_abi::plan::links_in_root`).

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use newroot_abi::plan::hint_prefix;

/// Reads the directory. Returns no hints if it can't be read.
pub(super) fn links_in(root: &Path) -> Vec<u8> {
    let mut hints = Vec::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            continue;
        }
        let Ok(text) = fs::read_link(entry.path()) else { continue };
        let (name, text) = (entry.file_name().into_vec(), text.into_os_string().into_vec());
        if let Some(prefix) = hint_prefix(&name, &text) {
            hints.extend([&prefix[..], &name, &text].concat());
        }
    }
    hints
}
