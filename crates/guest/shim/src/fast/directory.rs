//! The working directory.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, Guest, Host};

use crate::kernel;
use crate::memory;
use crate::resolve;
use crate::session::session;

/// Size of a buffer for a path, on the guest's stack.
const SHORT: usize = 256;

pub(super) fn getcwd([out, size, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    let mut path = Buffer::<Host, SHORT>::new();
    let len = kernel::getcwd(path.space()).ok()?;
    path.set_len(len);
    let mut guest = Buffer::<Guest, SHORT>::new();
    let reached = session().has(Flags::ALIASED).then(resolve::cwd_mount).flatten();
    session().mounts.detranslate(path.bytes(), reached, &mut guest)?;
    if guest.is_empty() {
        guest.extend(b"/").ok()?;
    }
    let text = guest.with_nul();
    if text.len() > size {
        return Some(Err(Errno::RANGE));
    }
    let written = memory::write_bytes(out, text);
    Some(written.map(|()| text.len()))
}
