//! Writes into a root without ever leaving it.
//!
//! A path is walked one component at a time from the root's descriptor. Each directory is opened
//! relative to its parent with `O_NOFOLLOW`. A symlink is read, and its text is walked in the same
//! way: `/` means the root, and `..` goes back to the directory that the walk came from. So no
//! symlink in the root leads out of it, not even one that another process makes meanwhile.
//! openat2(2) with `RESOLVE_IN_ROOT` would save a few calls where the kernel has it. But it can't
//! make what is missing, and then two implementations would have to agree.

mod directory;
pub(crate) mod ensure;
mod journal;
mod place;

pub(crate) use directory::{Directory, Node, Root};
pub(crate) use journal::{Attributes, Transaction};
pub(crate) use place::{Existing, place};
