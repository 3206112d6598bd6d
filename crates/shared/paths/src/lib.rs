//! Guest paths, host paths and the translation between them.
//!
//! A *guest path* is a path as the guest process uses it. A *host path* is the path at which the
//! kernel finds the file. They have distinct types ([`GuestBuf`], [`HostBuf`]) over bytes, so that
//! the compiler rejects one in place of the other. A canonical path in this crate is absolute,
//! contains no `.`, `..`, doubled or trailing slash or symlink, and is *empty* for the root itself.
//!
//! - [`MountTable`]: finds the mount that covers a guest path, and translates both ways.
//! - [`index`]: finds a mount among thousands.
//! - [`lexical()`]: translates a path by its text alone, where the text suffices.
//! - [`walk()`]: walks a path component by component, through symlinks, `..` and bindings.
//!
//! This crate never touches a file system itself: it asks through the trait [`Fs`].
//!
//! ```
//! use newroot_abi::plan::{Mount, MountFlags};
//! use newroot_paths::{GuestBuf, HostBuf, MountTable};
//!
//! let mount = |guest, host| Mount { guest, host, flags: MountFlags::default(), parent: (0, 0) };
//! let mounts = [mount(b"/home", b"/home"), mount(b"", b"/srv/debian")];
//! let table = MountTable::new(&mounts).unwrap();
//!
//! let mut host = HostBuf::new();
//! table.translate(b"/usr/bin", &mut host).unwrap();
//! assert_eq!(host.bytes(), b"/srv/debian/usr/bin");
//!
//! let mut guest = GuestBuf::new();
//! assert_eq!(table.detranslate(b"/home/me", None, &mut guest), Some(0));
//! assert_eq!(guest.bytes(), b"/home/me");
//! ```

#![no_std]
#![forbid(unsafe_code)]

mod buffer;
mod components;
pub mod index;
mod lexical;
mod mounts;
mod path_scan;
mod walk;

pub use buffer::{Buffer, Guest, GuestBuf, Host, HostBuf, PendingBuf};
pub use components::{first_component, is_under, split_last, strip_prefix};
pub use lexical::{Lexical, is_canonical, lexical};
pub use mounts::{MountTable, Mounts, component_filter};
pub use path_scan::PathScan;
pub use walk::{Found, Fs, Last, Link, Rules, WalkScratch, walk, walk_within};
