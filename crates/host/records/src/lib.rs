//! The records of a root's files (`newroot_fakeroot::record`), as programs outside of the root find and write
//! them. The shim does the same inside, without the standard library (`shim/src/owner`).
//!
//! - [`store`]: the root's store, a directory for what the file system can't keep in an attribute.
//! - [`sidecar`]: records in the store, by inode number.
//! - [`links`]: files with several names that the host doesn't know of.
//! - [`attribute`]: records and other attributes of a file itself.
//! - [`reason()`]: the words for an I/O error.

#![forbid(unsafe_code)]

pub mod attribute;
pub mod links;
mod reason;
pub mod sidecar;
pub mod store;

pub use links::Links;
pub use reason::reason;
pub use sidecar::Sidecar;
pub use store::Store;
