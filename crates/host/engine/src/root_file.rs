//! Files of a root's, which whoever made the root has put there.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A file of a root's. Whoever made the root may have put a FIFO there, at which one would wait forever,
/// or a device that has no end: what isn't a regular file isn't read.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    let is_file = |metadata: fs::Metadata| metadata.is_file();
    if !fs::metadata(path).is_ok_and(is_file) {
        return None;
    }
    // What somebody has put into its place since then keeps nobody waiting either.
    let mut file =
        File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()?;
    if !file.metadata().is_ok_and(is_file) {
        return None;
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok().map(|_| text)
}
