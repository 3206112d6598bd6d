//! Files of a root, which may be hostile.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Reads a file of a root. Only reads a regular file: the root's maker may have put a FIFO there,
/// which would block for ever, or a device without an end.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    let is_file = |metadata: fs::Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_file) {
        return None;
    }
    // O_NONBLOCK, in case that a FIFO replaced the file since the check.
    let mut file =
        File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()?;
    if !file.metadata().is_ok_and(is_file) {
        return None;
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok().map(|_| text)
}
