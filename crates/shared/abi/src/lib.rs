//! The contract between the launcher (std) and the shim (no libc, no allocator).
//!
//! It defines the [`plan`], which each exec hands on to the next, the [`table`] in which a session
//! with many bindings keeps its mounts, the layout on disk of the hard [`links`] that newroot keeps
//! itself, and the kernel's error numbers ([`Errno`]).
//!
//! Launcher and shim are both built from this crate, and the plan opens with [`plan::PROTOCOL`]. A
//! shim therefore rejects the plan of a launcher of another version instead of misreading it.
//!
//! ```
//! use newroot_abi::plan::{Flags, Header, Mount, MountFlags, strings};
//!
//! let header = Header { strings: strings(1) as u32, flags: Flags::LAUNCH, ..Header::default() };
//! assert_eq!(Header::decode(&header.encode()), Some(header));
//!
//! // A mount's string: a fixed-width prefix, the guest path and the host path.
//! let flags = MountFlags::DIRECTORY;
//! let root = Mount { guest: b"", host: b"/srv/debian", flags, parent: (0, 0) };
//! let text = [&root.encode_prefix()[..], root.guest, root.host].concat();
//! assert_eq!(Mount::decode(&text), Some(root));
//! ```

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

/// Bytes of the longest path that the kernel accepts, including the final NUL (`limits.h`).
pub const PATH_MAX: usize = 4096;

/// Name of the store: the directory in a root that holds newroot's own files. The guest doesn't see
/// it.
pub const STORE: &str = ".newroot";

/// Second name of the store, for a session that hides the store and has no fake root. A newroot
/// that runs inside the guest with the same root finds the store by this name. Listings don't show
/// it.
pub const STORE_WITHIN: &str = ".newroot.within";

/// Suffix of a store's host path where the store is [hidden](plan::MountFlags::HIDDEN). A file of
/// this name never exists and can't be created, because its parent directory doesn't exist either.
pub const ABSENT: &[u8] = b"/absent/absent";

/// Bytes that mark a shim image. They lie in `e_ident[9..16]`, the padding that the ELF
/// specification leaves unused. When a guest executes a file with this mark, it starts a newroot
/// inside a newroot: the inner plan is composed with the outer one.
pub const IMAGE_MARK: &[u8; 7] = b"newroot";
