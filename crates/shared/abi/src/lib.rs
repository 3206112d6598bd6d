//! The contract between the launcher (std) and the shim (no libc, no allocator): the
//! [`plan`] that travels from exec to exec, and the kernel's error numbers.
//!
//! Both sides are built from this crate, and the plan opens with [`plan::PROTOCOL`], so
//! a launcher can't hand a shim of another version something it would misread.

#![no_std]
#![forbid(unsafe_code)]

mod errno;
mod hash;
pub mod hex;
pub mod links;
pub mod plan;
pub mod table;
pub mod uname;

pub use errno::Errno;
pub use hash::hash;

/// The longest path the kernel takes, its final NUL included (`limits.h`).
pub const PATH_MAX: usize = 4096;

/// The name of the store in a root: the directory with what is newroot's own there, which the guest doesn't see.
pub const STORE: &str = ".newroot";

/// The store's other name in a session that hides it and has no fake root: a newroot within, whose root is the same, finds
/// the store by it. Listings don't show this name.
pub const STORE_WITHIN: &str = ".newroot.within";

/// What stands behind a store's host path where it is [hidden](plan::MountFlags::HIDDEN): a name that is never there, and
/// can't be made, for the directory that it would lie in isn't there either.
pub const ABSENT: &[u8] = b"/absent/absent";

/// Seven bytes that the shim image carries in `e_ident[9..16]`, the padding that the
/// ELF specification leaves unread. An exec of a file that carries them, from inside a
/// guest, is a newroot within a newroot: its plan is composed with ours.
pub const IMAGE_MARK: &[u8; 7] = b"newroot";
