//! Roots as tar archives.
//!
//! [`export`] writes a root with the owners, modes, devices and attributes that its programs see,
//! whether the file system has them or newroot has recorded them. [`import`] unpacks an archive, so
//! that programs see the same again. For an ordinary user they are recorded; root's copy has them
//! itself.
//!
//! | step of an export | module |
//! |---|---|
//! | list the root's files | `export::plan` |
//! | find out what the guest sees of each | `export::source` |
//! | write archive entries | `tar::write` |
//! | compress | `compress` |
//! | publish the archive | `export::output` |
//!
//! | step of an import | module |
//! |---|---|
//! | decompress | `compression` |
//! | read entries | `tar::read` |
//! | make them in a staging directory | `import::unpack` |
//! | set owners, modes, times | `import::give` |
//! | move the result to its destination | `import::publish` |
//!
//! Both open files by way of `beneath`, which never leaves the root.
//!
//! The tar format is read and written here, not by a library. Most of a library's work has to be
//! exact in ways that the ones looked at aren't: every form of sparse files, attributes, names that
//! are no UTF-8. Unpacking, the rest of it, has to be our own anyway.
//!
//! This crate prints nothing. An [`Observer`] follows its progress.
//!
//! ```
//! use newroot_archive::tar::{Entry, Kind, Reader, Time, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let entry = Entry {
//!     name: b"etc/motd".to_vec(),
//!     kind: Kind::File,
//!     mode: 0o644,
//!     uid: 0,
//!     gid: 0,
//!     size: 6,
//!     modified: Time { seconds: 0, nanoseconds: 0 },
//!     attributes: Default::default(),
//! };
//! let mut writer = Writer::new(Vec::new());
//! writer.entry(&entry)?;
//! writer.content(b"hello\n")?;
//! let archive = writer.finish()?;
//!
//! let found = Reader::new(&archive[..]).next_entry()?.expect("one entry");
//! assert_eq!(found.entry, entry);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod beneath;
mod compress;
pub mod compression;
mod digest;
mod error;
mod export;
mod import;
mod interruptible;
mod observer;
pub mod tar;

pub use compress::Compression;
pub use digest::Digest;
pub use error::{Damage, Error, Result};
pub use export::{ExportOptions, Exported, Format, Output, export};
pub use import::{ImportOptions, Imported, Input, import};
pub use observer::{Observer, Unit, Warning};
