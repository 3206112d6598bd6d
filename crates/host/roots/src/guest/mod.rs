//! Writing into a root without ever leaving it.
//!
//! Every path is walked one component at a time from the root's descriptor, each
//! directory opened with `O_NOFOLLOW` relative to the one before; a symlink is read and
//! its text walked in the same way, with `/` meaning the root and `..` going back to the
//! directory one came from. Thus no symlink in the root, not even one put there
//! meanwhile, leads out. openat2(2) with `RESOLVE_IN_ROOT` would save a few calls where
//! the kernel has it; it can't make what is missing, and two ways would have to agree.

mod directory;
pub(crate) mod ensure;
mod journal;
mod place;

pub(crate) use directory::{Directory, Node, Root};
pub(crate) use journal::{Attributes, Transaction};
pub(crate) use place::{Existing, place};
