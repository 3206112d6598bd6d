//! Roots as tar archives.
//!
//! [`export`] writes a root with the owners, modes, devices and attributes that its programs see, whether the
//! file system has them or they are only recorded; [`import`] unpacks an archive so that they are seen. An
//! ordinary user's copy has them recorded, root's has them.
//!
//! The way of an export: `export::plan` lists the root, `export::source` tells what a file is to the guest,
//! `tar::write` puts that into the archive, `compress` makes it small, `export::output` brings it to its place. Of an import:
//! `compression` makes a tar archive of the file, `tar::read` understands it, `import::unpack` makes its
//! entries in a fresh directory of our own, where `import::give` gives them their owners, and
//! `import::publish` moves what was made to where it was wanted. Files are reached by way of `beneath`.
//!
//! The tar format is written and read here rather than by a library: what has to be exact (every kind of sparse
//! file, attributes, names that are no text, whose sizes count) is most of it, and what is left to the
//! library would be the unpacking, which has to be ours as well. This crate prints nothing; an [`Observer`]
//! follows the work.

#![forbid(unsafe_code)]

mod beneath;
mod compress;
pub mod compression;
mod digest;
mod error;
mod export;
mod import;
mod observer;
mod patient;
pub mod tar;

pub use compress::Compression;
pub use digest::Digest;
pub use error::{Damage, Error, Result};
pub use export::{ExportOptions, Exported, Format, Output, export};
pub use import::{ImportOptions, Imported, Input, import};
pub use observer::{Observer, Unit, Warning};
