//! Questions that calls ask about a resolved path.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;

use super::is_read_only;
use crate::session::session;

/// The result of resolving a path: the file itself ([`Object`](super::Object)) or a name in a
/// directory ([`Entry`](super::Entry)).
///
/// These are two types because either can exist without the other: a magic link of procfs leads to
/// a file without a name, and mkdir(2) begins with a name without a file. Both answer the questions
/// below. An answer that takes a system call is computed on demand, so that a plain stat(2) pays
/// for none.
pub trait Target {
    /// Returns the index of the mount that the file or name lies in; `None` if the guest sees it in
    /// none.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
    fn mount(&self) -> Result<Option<usize>, Errno>;

    /// Returns whether the file or name lies in a read-only binding.
    ///
    /// # Errors
    /// Those of [`Self::mount`], if the kernel can't answer.
    fn is_read_only(&self) -> Result<bool, Errno> {
        Ok(session().has(Flags::READ_ONLY) && self.mount()?.is_some_and(is_read_only))
    }

    /// Checks that the file or name lies in this mount. The host's kernel may not distinguish the
    /// two mounts. A file that the guest sees in no mount passes.
    ///
    /// # Errors
    /// EXDEV; those of [`Self::mount`].
    fn check_mount(&self, mount: Option<usize>) -> Result<(), Errno> {
        match (mount, self.mount()?) {
            (Some(a), Some(b)) if a != b => Err(Errno::XDEV),
            _ => Ok(()),
        }
    }
}
