//! Files of a root's, which whoever made the root has put there.

use std::fs;
use std::path::Path;

/// A file of a root's. Whoever made the root may have put a FIFO there, at which one would wait forever,
/// or a device that has no end: what isn't a regular file isn't read.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).is_ok_and(|file| file.is_file()).then(|| fs::read(path).ok()).flatten()
}
