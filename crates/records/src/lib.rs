//! The records of a root's files (`newroot_owner::record`), as programs outside of the root find and write
//! them. The shim does the same inside, without the standard library (`shim/src/owner`).
//!
//! - [`store`]: the root's store, a directory for what the file system can't keep in an attribute.
//! - [`sidecar`]: records in the store, by inode number.
//! - [`attribute`]: records and other attributes of a file itself.

#![forbid(unsafe_code)]

pub mod attribute;
pub mod sidecar;
pub mod store;

pub use sidecar::Sidecar;
pub use store::Store;
