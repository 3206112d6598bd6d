//! Reads and writes the records of a root's files (`newroot_fakeroot::record`) from outside of the
//! root. The shim does the same inside, without the standard library (`shim/src/fakeroot`).
//!
//! - [`store`]: the root's store, a directory for what the file system can't keep in an attribute.
//! - [`sidecar`]: records in the store, by inode number.
//! - [`links`]: files with several names that the host doesn't know.
//! - [`attribute`]: the record and the other attributes of one file.
//! - [`reason()`]: the words for an I/O error.
//!
//! ```
//! use newroot_records::{attribute, store};
//!
//! # fn main() -> std::io::Result<()> {
//! // A file that newroot never touched has no record, and its root no store.
//! let root = std::env::temp_dir();
//! let file = std::fs::File::open("/")?;
//! assert!(attribute::read(&file)?.record.is_none());
//! assert!(store::find(&root.join("no-such-root")).is_none());
//! # Ok(())
//! # }
//! ```

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
